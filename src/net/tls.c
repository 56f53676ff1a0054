/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GnuTLS credentials, counted by the connections that use them: see tls.h.
 *
 * libmicrohttpd can only be given credentials when it starts, so they are put
 * on each session before its handshake.  A client certificate that does not
 * verify ends the handshake: no request of such a client is ever seen.
 */
#include "config.h"

#include "net/tls.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"

#define PEM_BYTES_MAX      ((off_t)4 << 20)
#define PRIORITIES_DEFAULT "SECURE128:-RSA:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls_identity {
	uint32_t refs;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priorities;
	enum tls_client_auth client_auth;
};

/* What tells that a file is another one than before. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

enum { PEM_CERT, PEM_KEY, PEM_CLIENT_CA, PEM_COUNT };

struct tls_server {
	struct tls_identity *identity;
	/* copies, to read the files again */
	char *texts[PEM_COUNT], *files[PEM_COUNT], *priorities;
	enum tls_client_auth client_auth;
	struct stamp stamps[PEM_COUNT];
};

/* --- files -------------------------------------------------------------- */

static struct stamp
stamp_of(const char *path)
{
	struct stat st;

	if (path == NULL || stat(path, &st) < 0)
		return (struct stamp){ 0 };
	return (struct stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool
stamp_eq(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       a->size == b->size &&
	       a->modified.tv_sec == b->modified.tv_sec &&
	       a->modified.tv_nsec == b->modified.tv_nsec;
}

static int
read_fd(int fd, const char *path, struct buf *out, struct err *err)
{
	struct stat st;
	size_t left;

	if (fstat(fd, &st) < 0)
		return err_set(
		    err, ERR_IO, "'%s': %s", path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > PEM_BYTES_MAX)
		return err_set(err, ERR_LIMIT,
		    "'%s' is no file or larger than 4 MiB", path);
	left = (size_t)st.st_size;
	buf_reserve(out, left);
	while (left > 0) {
		char chunk[4096];
		ssize_t n = read(
		    fd, chunk, left < sizeof(chunk) ? left : sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_IO, "read '%s': %s", path,
			    strerrordesc_np(errno));
		if (n == 0)
			break;
		buf_put(out, chunk, (size_t)n);
		explicit_bzero(chunk, sizeof(chunk));
		left -= (size_t)n;
	}
	return 0;
}

static int
read_pem(const struct tls_pem *pem, struct buf *out, struct err *err)
{
	int fd, rc;

	if (pem->file == NULL) {
		buf_puts(out, pem->text);
		return 0;
	}
	fd = open(pem->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_IO, "open '%s': %s", pem->file,
		    strerrordesc_np(errno));
	rc = read_fd(fd, pem->file, out, err);
	close(fd);
	return rc;
}

static bool
pem_is_given(const struct tls_pem *pem)
{
	return pem->text != NULL || pem->file != NULL;
}

/* --- identities ---------------------------------------------------------- */

/* Runs in the handshake; anything but 0 ends it. */
static int
verify_client(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	unsigned int status = 0, n = 0;

	/* That one is missing is refused elsewhere, if it has to be there. */
	if (gnutls_certificate_get_peers(session, &n) == NULL || n == 0)
		return 0;
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0)
		return -1;
	return status == 0 ? 0 : -1;
}

void
tls_identity_unref(struct tls_identity *identity)
{
	if (identity == NULL || --identity->refs > 0)
		return;
	if (identity->credentials != NULL)
		gnutls_certificate_free_credentials(identity->credentials);
	if (identity->priorities != NULL)
		gnutls_priority_deinit(identity->priorities);
	free(identity);
}

static bool
verifies(enum tls_client_auth client_auth)
{
	return client_auth == TLS_VERIFY_CLIENT_CERT_IF_GIVEN ||
	       client_auth == TLS_REQUIRE_AND_VERIFY_CLIENT_CERT;
}

static gnutls_datum_t
datum(const struct buf *text)
{
	return (gnutls_datum_t){ (unsigned char *)text->p,
		(unsigned int)text->n };
}

static int
set_key(struct tls_identity *identity, const struct tls_server_options *options,
    struct err *err)
{
	struct buf cert = { 0 }, key = { 0 };
	gnutls_datum_t cert_datum, key_datum;
	int rc;

	if ((rc = read_pem(&options->cert, &cert, err)) == 0 &&
	    (rc = read_pem(&options->key, &key, err)) == 0) {
		cert_datum = datum(&cert);
		key_datum = datum(&key);
		rc = gnutls_certificate_set_x509_key_mem(identity->credentials,
		    &cert_datum, &key_datum, GNUTLS_X509_FMT_PEM);
		rc = rc < 0 ? err_set(err, ERR_INVALID,
				  "certificate and key: %s", gnutls_strerror(rc))
			    : 0;
	}
	if (key.p != NULL)
		explicit_bzero(key.p, key.cap);
	buf_fini(&cert);
	buf_fini(&key);
	return rc;
}

static int
set_client_ca(struct tls_identity *identity,
    const struct tls_server_options *options, struct err *err)
{
	struct buf text = { 0 };
	gnutls_datum_t text_datum;
	int rc;

	if (!pem_is_given(&options->client_ca))
		return verifies(options->client_auth)
			   ? err_set(err, ERR_INVALID,
				 "client certificates are to be verified, but "
				 "there is no client_ca_file")
			   : 0;
	rc = read_pem(&options->client_ca, &text, err);
	if (rc == 0) {
		text_datum = datum(&text);
		rc = gnutls_certificate_set_x509_trust_mem(
		    identity->credentials, &text_datum, GNUTLS_X509_FMT_PEM);
		if (rc <= 0)
			rc = err_set(err, ERR_INVALID, "client authorities: %s",
			    rc < 0 ? gnutls_strerror(rc)
				   : "no certificate in there");
		else
			rc = 0;
	}
	buf_fini(&text);
	return rc;
}

static struct tls_identity *
identity_new(const struct tls_server_options *options, struct err *err)
{
	struct tls_identity *identity = xcalloc(1, sizeof(*identity));
	const char *priorities = options->priorities != NULL
				     ? options->priorities
				     : PRIORITIES_DEFAULT;
	const char *at = priorities;
	int rc;

	identity->refs = 1;
	identity->client_auth = options->client_auth;
	rc = gnutls_certificate_allocate_credentials(&identity->credentials);
	if (rc < 0)
		rc = err_set(err, ERR_IO, "%s", gnutls_strerror(rc));
	else if (!pem_is_given(&options->cert) || !pem_is_given(&options->key))
		rc = err_set(
		    err, ERR_INVALID, "TLS needs a certificate and its key");
	else if ((rc = set_key(identity, options, err)) == 0 &&
		 (rc = set_client_ca(identity, options, err)) == 0 &&
		 (rc = gnutls_priority_init(
		      &identity->priorities, priorities, &at)) < 0)
		rc = err_set(err, ERR_INVALID,
		    "GnuTLS cannot do these versions, ciphers and curves: %s "
		    "at '%.60s'",
		    gnutls_strerror(rc), at);
	if (rc == 0)
		return identity;
	tls_identity_unref(identity);
	return NULL;
}

/* --- server ---------------------------------------------------------------- */

static char *
copy(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

static void
forget_options(struct tls_server *tls)
{
	for (int i = 0; i < PEM_COUNT; i++) {
		if (tls->texts[i] != NULL)
			explicit_bzero(tls->texts[i], strlen(tls->texts[i]));
		free(tls->texts[i]);
		free(tls->files[i]);
		tls->texts[i] = tls->files[i] = NULL;
	}
	free(tls->priorities);
	tls->priorities = NULL;
}

/* The stamps are taken before the files are read: a change in between is seen
 * the next time. */
int
tls_server_set(struct tls_server *tls, const struct tls_server_options *options,
    struct err *err)
{
	const struct tls_pem *pems[PEM_COUNT] = { &options->cert, &options->key,
		&options->client_ca };
	struct stamp stamps[PEM_COUNT];
	struct tls_identity *identity;

	for (int i = 0; i < PEM_COUNT; i++)
		stamps[i] = stamp_of(pems[i]->file);
	identity = identity_new(options, err);
	if (identity == NULL)
		return -ERR_INVALID;
	forget_options(tls);
	for (int i = 0; i < PEM_COUNT; i++) {
		tls->texts[i] = copy(pems[i]->text);
		tls->files[i] = copy(pems[i]->file);
		tls->stamps[i] = stamps[i];
	}
	tls->priorities = copy(options->priorities);
	tls->client_auth = options->client_auth;
	tls_identity_unref(tls->identity);
	tls->identity = identity;
	return 0;
}

struct tls_server *
tls_server_new(const struct tls_server_options *options, struct err *err)
{
	struct tls_server *tls = xcalloc(1, sizeof(*tls));

	if (tls_server_set(tls, options, err) == 0)
		return tls;
	tls_server_free(tls);
	return NULL;
}

void
tls_server_free(struct tls_server *tls)
{
	if (tls == NULL)
		return;
	forget_options(tls);
	tls_identity_unref(tls->identity);
	free(tls);
}

static bool
files_changed(struct tls_server *tls)
{
	bool changed = false;

	for (int i = 0; i < PEM_COUNT; i++) {
		struct stamp now = stamp_of(tls->files[i]);

		if (!stamp_eq(&now, &tls->stamps[i]))
			changed = true;
		tls->stamps[i] = now;
	}
	return changed;
}

/* Renewed files; while they do not fit together the old ones stay in force. */
static void
renew(struct tls_server *tls)
{
	const struct tls_server_options options = {
		.cert = { tls->texts[PEM_CERT], tls->files[PEM_CERT] },
		.key = { tls->texts[PEM_KEY], tls->files[PEM_KEY] },
		.client_ca = { tls->texts[PEM_CLIENT_CA],
		    tls->files[PEM_CLIENT_CA] },
		.client_auth = tls->client_auth,
		.priorities = tls->priorities,
	};
	struct err err = { .code = ERR_NONE };
	struct tls_identity *identity = identity_new(&options, &err);

	if (identity == NULL) {
		log_warn("http",
		    "changed TLS files not taken, the old ones stay in force",
		    LOG_Z("err", err.text));
		return;
	}
	tls_identity_unref(tls->identity);
	tls->identity = identity;
	log_info("http", "TLS files read again");
}

struct tls_identity *
tls_server_attach(struct tls_server *tls, void *arg)
{
	gnutls_session_t session = arg;
	struct tls_identity *identity;

	if (files_changed(tls))
		renew(tls);
	identity = tls->identity;
	identity->refs++;
	gnutls_priority_set(session, identity->priorities);
	gnutls_credentials_set(
	    session, GNUTLS_CRD_CERTIFICATE, identity->credentials);
	switch (identity->client_auth) {
	case TLS_NO_CLIENT_CERT:
	case TLS_CLIENT_AUTH_COUNT:
		break;
	case TLS_REQUEST_CLIENT_CERT:
	case TLS_VERIFY_CLIENT_CERT_IF_GIVEN:
		gnutls_certificate_server_set_request(
		    session, GNUTLS_CERT_REQUEST);
		break;
	case TLS_REQUIRE_ANY_CLIENT_CERT:
	case TLS_REQUIRE_AND_VERIFY_CLIENT_CERT:
		gnutls_certificate_server_set_request(
		    session, GNUTLS_CERT_REQUIRE);
		break;
	}
	if (verifies(identity->client_auth))
		gnutls_session_set_verify_function(session, verify_client);
	return identity;
}

static int
no_certificate(gnutls_session_t session, const gnutls_datum_t *names,
    int n_names, const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
    gnutls_pcert_st **ret_cert, unsigned int *ret_n, gnutls_privkey_t *ret_key)
{
	(void)session;
	(void)names;
	(void)n_names;
	(void)algorithms;
	(void)n_algorithms;
	(void)ret_cert;
	(void)ret_n;
	(void)ret_key;
	return -1;
}

void *
tls_no_certificate(void)
{
	/* By value: ISO C has no conversion from functions to void *. */
	gnutls_certificate_retrieve_function2 *found = no_certificate;
	void *p;

	static_assert(sizeof(p) == sizeof(found), "pointers of one size");
	memcpy(&p, &found, sizeof(p));
	return p;
}
