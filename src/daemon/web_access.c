/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "daemon/web_access.h"

#include <assert.h>
#include <string.h>

#include "base/mac.h"
#include "base/timestamp.h"
#include "net/password.h"
#include "net/xfer.h"

#define USERS_MAX       1000
#define TOKENS_MAX      1000
#define PROXIES_MAX     64
#define NAME_BYTES_MAX  100
#define TOKEN_BYTES_MIN 16

static_assert(NAME_BYTES_MAX + sizeof("token:") < ACTOR_NAME_MAX, "a name is never cut");

const char *const web_role_names[] = { "none", "sender", "viewer", "responder", "editor", "admin",
	NULL };
static_assert(ARRAY_LEN(web_role_names) == ROLE_COUNT + 1, "one each");

struct token_raw {
	struct pos pos;
	const char *name, *sha256, *expires;
	struct secret token;
	int role;
};

/* clang-format off */
#define TOKEN(member) .offset = offsetof(struct token_raw, member)
static const struct schema_field token_fields[] = {
	{ .name = "name", .kind = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_NONEMPTY, TOKEN(name), .doc = "Who it is for, as the audit log shows it." },
	{ .name = "role", .kind = FIELD_ENUM, .choices = web_role_names, .flags = FIELD_REQUIRED, TOKEN(role), .doc = "What it may do." },
	{ .name = "sha256", .kind = FIELD_STRING, .flags = FIELD_HIDDEN, .exclusive = "token", TOKEN(sha256), .doc = "The token's SHA-256 in hex: printf %s TOKEN | sha256sum." },
	{ .name = "token_file", .kind = FIELD_STRING, .flags = FIELD_PATH | FIELD_READABLE, .exclusive = "token", TOKEN(token.file), .doc = "A file with the token itself, read at start and at each reload." },
	{ .name = "expires", .kind = FIELD_STRING, TOKEN(expires), .doc = "When it ends: 2027-01-01T00:00:00Z." },
};
/* clang-format on */

const struct schema schema_web_token = {
	.name = "tokens",
	.doc = "A bearer token.",
	.size = sizeof(struct token_raw),
	.pos_offset = offsetof(struct token_raw, pos) + 1,
	SCHEMA_FIELDS(token_fields),
};

/* Without the line itself: what stands there may be a secret. */
static struct pos
unseen(struct pos pos)
{
	return (struct pos){ .file = pos.file };
}

static void
check_name(struct schema_context *ctx, struct pos pos, const char *name, const char *what)
{
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == ':') {
			diag_error(ctx->diag, pos, "'%.60s' cannot be a %s's name", name, what);
			return;
		}
	if (name[0] == '\0' || strlen(name) > NAME_BYTES_MAX)
		diag_error(ctx->diag, pos, "'%.60s' cannot be a %s's name", name, what);
}

/* --- users ---------------------------------------------------------------------- */

static const struct string_pair *
pair_of(const struct string_map *map, const char *key)
{
	for (uint32_t i = 0; i < map->n; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return &map->pairs[i];
	return NULL;
}

static enum role
role_of(struct schema_context *ctx, const struct web_access_raw *raw,
    const struct string_pair *user)
{
	const struct string_pair *pair = pair_of(&raw->roles, user->key);
	enum role role = ROLE_ADMIN;

	if (pair != NULL && !role_from(str_from(pair->value), &role))
		diag_error(ctx->diag, pair->value_pos,
		    "unknown role '%.40s', give viewer, responder, editor, admin or sender",
		    pair->value);
	else if (pair == NULL && raw->roles.set)
		diag_error(ctx->diag, unseen(user->key_pos),
		    "line %u: user '%.60s' has no role: add one to 'roles', which must name every "
		    "user",
		    user->key_pos.line, user->key);
	return role;
}

static void
build_users(struct schema_context *ctx, const struct web_access_raw *raw,
    struct guard_options *options)
{
	const struct string_map *map = &raw->users;
	struct guard_user *users = ARENA_ARRAY(ctx->arena, (size_t)map->n + 1, struct guard_user);

	if (map->n > USERS_MAX)
		diag_error(ctx->diag, map->pairs[0].key_pos, "more than %d users", USERS_MAX);
	for (uint32_t i = 0; i < map->n; i++) {
		const struct string_pair *pair = &map->pairs[i];
		struct err err;

		if (password_hash_check(pair->value, &err) < 0)
			diag_error(ctx->diag, unseen(pair->key_pos), "line %u: user '%.60s': %s",
			    pair->key_pos.line, pair->key, err.text);
		check_name(ctx, pair->key_pos, pair->key, "user");
		users[i] = (struct guard_user){ pair->key, pair->value, role_of(ctx, raw, pair) };
	}
	for (uint32_t i = 0; i < raw->roles.n; i++)
		if (pair_of(map, raw->roles.pairs[i].key) == NULL)
			diag_error(ctx->diag, raw->roles.pairs[i].key_pos,
			    "there is no user '%.60s' in basic_auth_users",
			    raw->roles.pairs[i].key);
	options->users = users;
	options->n_users = map->n;
}

/* --- tokens --------------------------------------------------------------------- */

static void
read_token_file(struct schema_context *ctx, const struct token_raw *raw, uint8_t out[MAC_BYTES])
{
	struct buf text = { 0 };
	struct err err = { 0 };
	struct sha256 sha;

	buf_reserve(&text, 4096); /* growing would leave copies behind */
	if (secret_read(&raw->token, &text, &err) < 0) {
		diag_error(ctx->diag, raw->pos, "%s", err.text);
	} else if (text.n < TOKEN_BYTES_MIN) {
		diag_error(ctx->diag, raw->pos,
		    "the token in '%s' is shorter than %d characters: make one with openssl rand "
		    "-hex 32",
		    raw->token.file, TOKEN_BYTES_MIN);
	} else {
		sha256_init(&sha);
		sha256_put(&sha, text.p, text.n);
		sha256_end(&sha, out);
	}
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	buf_fini(&text);
}

static void
build_token(struct schema_context *ctx, const struct token_raw *raw, struct guard_token *token)
{
	token->name = raw->name;
	token->role = (enum role)raw->role;
	token->expires_at = WALL_NONE;
	check_name(ctx, raw->pos, raw->name, "token");
	if (token->role == ROLE_NONE)
		diag_error(ctx->diag, raw->pos, "a token with the role none may do nothing");
	if (raw->expires != NULL &&
	    !timestamp_parse(str_from(raw->expires), &token->expires_at))
		diag_error(ctx->diag, raw->pos,
		    "'expires' is no time such as 2027-01-01T00:00:00Z");
	if (raw->token.file != NULL)
		read_token_file(ctx, raw, token->sha256);
	else if (raw->sha256 == NULL)
		diag_error(ctx->diag, raw->pos,
		    "token '%.60s' has neither 'sha256' nor 'token_file'", raw->name);
	else if (!mac_from_hex(raw->sha256, strlen(raw->sha256), token->sha256))
		diag_error(ctx->diag, unseen(raw->pos),
		    "line %u: the sha256 of token '%.60s' is not 64 hex digits: take what printf "
		    "%%s TOKEN | sha256sum says",
		    raw->pos.line, raw->name);
}

static void
check_twins(struct schema_context *ctx, const struct sub_list *list,
    const struct guard_token *tokens, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++) {
		if (list->failed[k])
			continue;
		if (strcmp(tokens[k].name, tokens[i].name) == 0)
			diag_error(ctx->diag, list->pos[i], "there is a token '%.60s' already",
			    tokens[i].name);
		else if (mac_same(tokens[k].sha256, tokens[i].sha256, MAC_BYTES))
			diag_error(ctx->diag, list->pos[i],
			    "'%.60s' and '%.60s' are the same token", tokens[k].name,
			    tokens[i].name);
	}
}

static void
build_tokens(struct schema_context *ctx, const struct sub_list *list,
    struct guard_options *options)
{
	struct guard_token *tokens =
	    ARENA_ARRAY(ctx->arena, (size_t)list->n + 1, struct guard_token);
	uint32_t before = diag_errors(ctx->diag);

	if (list->n > TOKENS_MAX)
		diag_error(ctx->diag, list->pos[0], "more than %d tokens", TOKENS_MAX);
	for (uint32_t i = 0; i < list->n && i < TOKENS_MAX; i++) {
		if (list->failed[i])
			continue;
		build_token(ctx, list->items[i], &tokens[i]);
		if (diag_errors(ctx->diag) == before)
			check_twins(ctx, list, tokens, i);
	}
	options->tokens = tokens;
	options->n_tokens = list->n;
}

static void
build_proxies(struct schema_context *ctx, const struct string_list *list,
    struct guard_options *options)
{
	struct network *proxies = ARENA_ARRAY(ctx->arena, (size_t)list->n + 1, struct network);

	if (list->n > PROXIES_MAX)
		diag_error(ctx->diag, list->pos[0], "more than %d trusted_proxies", PROXIES_MAX);
	for (uint32_t i = 0; i < list->n; i++) {
		struct err err = { .at = ERR_NOWHERE };

		if (network_parse(str_from(list->items[i]), &proxies[i], &err) < 0)
			diag_error(
			    ctx->diag, list->pos[i], "'%.60s': %s", list->items[i], err.text);
	}
	options->proxies = proxies;
	options->n_proxies = list->n;
}

void
web_access_build(struct schema_context *ctx, const struct web_access_raw *raw,
    struct guard_options *options)
{
	build_users(ctx, raw, options);
	build_tokens(ctx, &raw->tokens, options);
	build_proxies(ctx, &raw->proxies, options);
	if (raw->anonymous >= 0)
		options->anonymous = (enum role)raw->anonymous;
	else
		options->anonymous =
		    options->n_users + options->n_tokens > 0 ? ROLE_NONE : ROLE_ADMIN;
}
