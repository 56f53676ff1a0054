/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, address lists and quoted-printable text of mail messages. */
#include "config.h"

#include "receiver/mime.h"

#define ENCODED_WORD_MAX 75  /* RFC 2047, section 2 */
#define WORD_BYTES_MAX   200 /* longer ones are encoded, since that can be folded */

static const char word_start[] = "=?utf-8?q?";
static const char hex[] = "0123456789ABCDEF";

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* ---- headers -------------------------------------------------------------------- */

bool
mime_header_name_is_good(struct str name)
{
	for (uint32_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':')
			return false;
	return name.n > 0 && name.n <= 60;
}

/* One line without white space at its ends. */
static struct str
clean(struct str text, struct buf *scratch)
{
	text = str_head(text, MIME_HEADER_MAX);
	for (uint32_t i = 0; i < text.n; i++)
		buf_putc(scratch, is_control(text.p[i]) ? ' ' : text.p[i]);
	return str_trim(buf_str(scratch));
}

/* False when the text can stand as it is. */
static bool
needs_encoding(struct str text)
{
	uint32_t word = 0;

	for (uint32_t i = 0; i < text.n; i++) {
		word = text.p[i] == ' ' ? 0 : word + 1;
		if ((unsigned char)text.p[i] >= 0x80 || word > WORD_BYTES_MAX)
			return true;
		if (text.p[i] == '=' && i + 1 < text.n && text.p[i + 1] == '?')
			return true;
	}
	return false;
}

/* Folds before a space, never leaving a line of spaces alone. */
static void
put_folded(struct buf *out, struct str text, uint32_t column)
{
	uint32_t from = 0;

	while (from < text.n) {
		uint32_t end = from;

		while (end < text.n && text.p[end] == ' ')
			end++;
		while (end < text.n && text.p[end] != ' ')
			end++;
		if (from > 0 && column + (end - from) > MIME_LINE_MAX) {
			buf_puts(out, "\r\n");
			column = 0;
		}
		buf_put(out, text.p + from, end - from);
		column += end - from;
		from = end;
	}
}

/* One character in the Q encoding, as strict as a phrase needs it. */
static void
put_q(struct buf *out, struct str rune)
{
	if (rune.n == 1 && (is_alnum(rune.p[0]) || strchr("!*+-/", rune.p[0]))) {
		buf_putc(out, rune.p[0]);
		return;
	}
	if (rune.n == 1 && rune.p[0] == ' ') {
		buf_putc(out, '_');
		return;
	}
	for (uint32_t i = 0; i < rune.n; i++) {
		unsigned char c = (unsigned char)rune.p[i];

		buf_put(out, (char[]){ '=', hex[c >> 4], hex[c & 15] }, 3);
	}
}

static void
put_encoded(struct buf *out, struct str text, uint32_t column)
{
	uint32_t room = MIME_LINE_MAX > column + 20 ? MIME_LINE_MAX - column : 20;
	uint32_t used = sizeof(word_start) - 1;

	if (room > ENCODED_WORD_MAX)
		room = ENCODED_WORD_MAX;
	buf_puts(out, word_start);
	for (uint32_t i = 0; i < text.n;) {
		struct str rest = str_make(text.p + i, text.n - i);
		uint32_t length = str_rune_length(rest), wide;
		struct str rune = length != 0 ? str_head(rest, length) : STR("?");
		size_t before = out->n;

		put_q(out, rune);
		wide = (uint32_t)(out->n - before);
		if (used + wide + 2 > room && used >= sizeof(word_start)) {
			out->n = before;
			buf_puts(out, "?=\r\n ");
			buf_puts(out, word_start);
			put_q(out, rune);
			used = sizeof(word_start) - 1;
			room = ENCODED_WORD_MAX;
		}
		used += wide;
		i += length != 0 ? length : 1;
	}
	buf_puts(out, "?=");
}

void
mime_put_header(struct buf *out, const char *name, struct str text)
{
	struct buf scratch = { 0 };
	uint32_t column = (uint32_t)strlen(name) + 2;

	text = clean(text, &scratch);
	buf_puts(out, name);
	buf_puts(out, ": ");
	if (needs_encoding(text))
		put_encoded(out, text, column);
	else
		put_folded(out, text, column);
	buf_puts(out, "\r\n");
	buf_fini(&scratch);
}

/* ---- addresses ------------------------------------------------------------------ */

static bool
address_is_good(struct str address)
{
	uint32_t at = 0, count = 0;

	for (uint32_t i = 0; i < address.n; i++) {
		char c = address.p[i];

		if (c <= ' ' || c > '~' || strchr("<>,;:\\\"()[]", c) != NULL)
			return false;
		if (c == '@') {
			at = i;
			count++;
		}
	}
	return count == 1 && at > 0 && at + 1 < address.n && address.n <= MAIL_ADDRESS_MAX;
}

/* The end of the element that starts at from: its comma, or the end. */
static uint32_t
element_end(struct str list, uint32_t from)
{
	bool quoted = false;

	for (; from < list.n; from++) {
		if (quoted && list.p[from] == '\\')
			from++;
		else if (list.p[from] == '"')
			quoted = !quoted;
		else if (list.p[from] == ',' && !quoted)
			break;
	}
	return from < list.n ? from : list.n;
}

/* A display name without its quotes. */
static struct str
unquote(struct arena *arena, struct str name)
{
	char *p = arena_alloc(arena, name.n + 1);
	uint32_t n = 0;

	if (name.n < 2 || name.p[0] != '"' || name.p[name.n - 1] != '"')
		return arena_str(arena, name);
	for (uint32_t i = 1; i + 1 < name.n; i++) {
		if (name.p[i] == '\\' && i + 2 < name.n)
			i++;
		p[n++] = name.p[i];
	}
	return str_make(p, n);
}

static bool
read_mailbox(struct arena *arena, struct str text, struct mailbox *ret)
{
	struct str address = text, name = STR("");
	const char *open = text.n > 0 ? memrchr(text.p, '<', text.n) : NULL;

	for (uint32_t i = 0; i < text.n; i++)
		if (is_control(text.p[i]))
			return false;
	if (open != NULL && str_ends(text, STR(">"))) {
		address = str_make(open + 1, (size_t)(text.p + text.n - 1 - (open + 1)));
		name = str_trim(str_make(text.p, (size_t)(open - text.p)));
	}
	address = str_trim(address);
	if (!address_is_good(address))
		return false;
	ret->address = arena_str(arena, address).p;
	ret->name = unquote(arena, name);
	return true;
}

int
mime_read_mailboxes(
    struct arena *arena, struct str list, struct mailbox **ret, uint32_t *ret_n, struct err *err)
{
	struct mailbox *boxes = NULL;
	uint32_t n = 0, cap = 0;

	for (uint32_t from = 0; from < list.n;) {
		uint32_t end = element_end(list, from);
		struct str text = str_trim(str_make(list.p + from, end - from));

		from = end + 1;
		if (text.n == 0)
			continue;
		if (n == MAILBOXES_MAX)
			return err_set(err, ERR_LIMIT, "more than %d mail addresses in one list",
			    MAILBOXES_MAX);
		if (n == cap) {
			struct mailbox *more;

			cap = cap != 0 ? cap * 2 : 4;
			more = ARENA_ARRAY(arena, cap, struct mailbox);
			if (n > 0)
				memcpy(more, boxes, n * sizeof(*boxes));
			boxes = more;
		}
		if (!read_mailbox(arena, text, &boxes[n]))
			return err_set(err, ERR_INVALID, "'%.*s' is no mail address",
			    STR_ARG(str_head(text, 80)));
		n++;
	}
	if (n == 0)
		return err_set(err, ERR_INVALID, "no mail address");
	*ret = boxes;
	*ret_n = n;
	return 0;
}

/* A display name: bare words, a quoted string, or encoded words. */
static void
put_phrase(struct buf *out, struct str name, uint32_t column)
{
	bool bare = true;

	for (uint32_t i = 0; i < name.n; i++)
		if (!is_alnum(name.p[i]) && strchr(" !#$%&'*+-/=?^_`{|}~", name.p[i]) == NULL)
			bare = false;
	if (needs_encoding(name)) {
		put_encoded(out, name, column);
	} else if (bare) {
		buf_put_str(out, name);
	} else {
		buf_putc(out, '"');
		for (uint32_t i = 0; i < name.n; i++) {
			if (name.p[i] == '"' || name.p[i] == '\\')
				buf_putc(out, '\\');
			buf_putc(out, name.p[i]);
		}
		buf_putc(out, '"');
	}
}

void
mime_put_mailboxes(struct buf *out, const char *name, const struct mailbox *mailboxes, uint32_t n)
{
	buf_puts(out, name);
	buf_puts(out, ": ");
	for (uint32_t i = 0; i < n; i++) {
		struct buf scratch = { 0 };
		struct str display = clean(str_head(mailboxes[i].name, WORD_BYTES_MAX), &scratch);

		if (i > 0)
			buf_puts(out, ",\r\n ");
		if (display.n > 0) {
			put_phrase(out, display, i > 0 ? 1 : (uint32_t)strlen(name) + 2);
			/* Keeps the longest of addresses within a line. */
			buf_puts(out, display.n > 30 ? "\r\n <" : " <");
		}
		buf_puts(out, mailboxes[i].address);
		if (display.n > 0)
			buf_putc(out, '>');
		buf_fini(&scratch);
	}
	buf_puts(out, "\r\n");
}

/* ---- quoted-printable ------------------------------------------------------------ */

static bool
is_line_end(struct str text, uint32_t i)
{
	return i >= text.n || text.p[i] == '\n' ||
	       (text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n');
}

/* Lines end with LF or CRLF; anything else that is not printable is encoded. */
void
mime_put_quoted_printable(struct buf *out, struct str text)
{
	uint32_t column = 0;

	buf_reserve(out, text.n + text.n / 16 + 16);
	for (uint32_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool plain = (c > ' ' && c < 0x7f && c != '=') ||
			     ((c == ' ' || c == '\t') && !is_line_end(text, i + 1));
		uint32_t wide = plain ? 1 : 3;

		if (is_line_end(text, i)) {
			i += c == '\r' ? 1 : 0;
			buf_puts(out, "\r\n");
			column = 0;
			continue;
		}
		/* The 76th column is the soft break's. */
		if (column + wide > MIME_LINE_MAX - 1) {
			buf_puts(out, "=\r\n");
			column = 0;
		}
		if (plain)
			buf_putc(out, (char)c);
		else
			buf_put(out, (char[]){ '=', hex[c >> 4], hex[c & 15] }, 3);
		column += wide;
	}
	if (column > 0)
		buf_puts(out, "\r\n");
}
