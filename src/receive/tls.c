/* TLS by OpenSSL. 1.2 at least (RFC 9325 §3.1.1). Nothing is resumed: a resumed session would bring no certificate to look
 * at, and exporters connect once a day, not a thousand times a second. */
#include "receive/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "flow/addr.h"

enum { FILES = 3 };

/* By what a change of the files is seen. */
struct stamps {
	struct weir_file_stamp file[FILES];
};

struct weir_tls {
	char *certificate; /* owned, like all that follows */
	char *key;
	char *ca;
	bool client_certificate;
	char **peer;
	unsigned peers;
	struct stamps loaded;
	struct stamps seen; /* at the last look */
	pthread_mutex_t lock; /* of context, which a reload changes */
	SSL_CTX *context;
};

/* --- errors ------------------------------------------------------------------------------------------------------- */

static const char *reason(unsigned long code)
{
	const char *text = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

	return text ? text : "unknown error";
}

void weir_tls_why(const struct ssl_st *session, char *ret_why, size_t size)
{
	unsigned long code = ERR_peek_error();
	long verified = SSL_get_verify_result(session);

	if (verified != X509_V_OK)
		(void)snprintf(ret_why, size, "certificate: %s", X509_verify_cert_error_string(verified));
	else
		(void)snprintf(ret_why, size, "%s", code ? reason(code) : "the connection ended in the handshake");
	ERR_clear_error();
}

static int file_error(const char *option, const char *path, const char *next, struct weir_error *err)
{
	unsigned long code = ERR_peek_error();
	int rc = weir_error_set(err, -EINVAL, path, next, "%s cannot be used: %s", option, code ? reason(code) : "unknown error");

	ERR_clear_error();
	return rc;
}

/* --- settings ------------------------------------------------------------------------------------------------------ */

/* A daemon has nobody to ask. */
static int no_password(char *buffer, int size, int write, void *ctx)
{
	(void)buffer;
	(void)size;
	(void)write;
	(void)ctx;
	return -1;
}

static int check_readable(const char *option, const char *path, struct weir_error *err)
{
	if (access(path, R_OK) == 0)
		return 0;
	return weir_error_set(err, -errno, path, "name a PEM file that weir's user can read", "%s cannot be read: %s", option,
			      strerror(errno));
}

static int load_own(const struct weir_tls *t, SSL_CTX *c, struct weir_error *err)
{
	int rc = check_readable("tls.certificate", t->certificate, err);

	if (!rc)
		rc = check_readable("tls.key", t->key, err);
	if (rc)
		return rc;
	if (SSL_CTX_use_certificate_chain_file(c, t->certificate) != 1)
		return file_error("tls.certificate", t->certificate, "it takes a certificate in PEM form", err);
	if (SSL_CTX_use_PrivateKey_file(c, t->key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(c) != 1)
		return file_error("tls.key", t->key, "it takes the certificate's private key in PEM form, without a password", err);
	return 0;
}

static int load_ca(const struct weir_tls *t, SSL_CTX *c, struct weir_error *err)
{
	STACK_OF(X509_NAME) *names;
	int rc;

	if (!t->client_certificate)
		return 0;
	rc = check_readable("tls.ca", t->ca, err);
	if (rc)
		return rc;
	names = SSL_load_client_CA_file(t->ca);
	if (!names || SSL_CTX_load_verify_file(c, t->ca) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return file_error("tls.ca", t->ca, "it takes certificates in PEM form", err);
	}
	SSL_CTX_set_client_CA_list(c, names);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

static int context_new(const struct weir_tls *t, SSL_CTX **ret_context, struct weir_error *err)
{
	SSL_CTX *c;
	int rc;

	ERR_clear_error();
	c = SSL_CTX_new(TLS_server_method());
	if (!c)
		return weir_error_set(err, -ENOMEM, "tls", NULL, "no memory for TLS");
	SSL_CTX_set_default_passwd_cb(c, no_password);
	(void)SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	(void)SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_num_tickets(c, 0);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	rc = load_own(t, c, err);
	if (!rc)
		rc = load_ca(t, c, err);
	if (rc)
		SSL_CTX_free(c);
	else
		*ret_context = c;
	return rc;
}

static struct stamps stamp(const struct weir_tls *t)
{
	return (struct stamps){{weir_file_stamp(t->certificate), weir_file_stamp(t->key), weir_file_stamp(t->ca)}};
}

int weir_tls_new(const struct weir_tls_options *options, struct weir_tls **ret_tls, struct weir_error *err)
{
	struct weir_tls *t = calloc(1, sizeof(*t));
	bool full = t;
	int rc;

	if (!t)
		return weir_error_set(err, -ENOMEM, "tls", NULL, "out of memory");
	pthread_mutex_init(&t->lock, NULL);
	t->certificate = strdup(options->certificate);
	t->key = strdup(options->key);
	t->ca = strdup(options->ca ? options->ca : "");
	t->client_certificate = options->client_certificate;
	t->peer = calloc(options->peers_count + 1, sizeof(char *));
	for (unsigned i = 0; t->peer && i < options->peers_count; i++) {
		t->peer[t->peers] = strdup(options->peers[i]);
		full = full && t->peer[t->peers++];
	}
	if (!full || !t->certificate || !t->key || !t->ca || !t->peer) {
		rc = weir_error_set(err, -ENOMEM, "tls", NULL, "out of memory");
	} else {
		/* Before they are read, so that no change goes unseen. */
		t->loaded = t->seen = stamp(t);
		rc = context_new(t, &t->context, err);
	}
	if (rc)
		weir_tls_free(t);
	else
		*ret_tls = t;
	return rc;
}

void weir_tls_free(struct weir_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	for (unsigned i = 0; i < tls->peers; i++)
		free(tls->peer[i]);
	free(tls->peer);
	free(tls->certificate);
	free(tls->key);
	free(tls->ca);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

int weir_tls_refresh(struct weir_tls *tls, struct weir_error *err)
{
	struct stamps now = stamp(tls);
	bool at_rest = memcmp(&now, &tls->seen, sizeof(now)) == 0;
	SSL_CTX *context;
	int rc;

	tls->seen = now;
	/* A certificate and its key are written one after the other. */
	if (!at_rest || memcmp(&now, &tls->loaded, sizeof(now)) == 0)
		return 0;
	tls->loaded = now;
	rc = context_new(tls, &context, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&tls->lock);
	SSL_CTX_free(tls->context); /* sessions hold on to the old one */
	tls->context = context;
	pthread_mutex_unlock(&tls->lock);
	return 1;
}

/* --- sessions ------------------------------------------------------------------------------------------------------ */

struct ssl_st *weir_tls_accept(struct weir_tls *tls, int fd)
{
	SSL *session;

	ERR_clear_error();
	pthread_mutex_lock(&tls->lock);
	session = SSL_new(tls->context);
	pthread_mutex_unlock(&tls->lock);
	if (session && SSL_set_fd(session, fd) != 1) {
		SSL_free(session);
		session = NULL;
	}
	if (session)
		SSL_set_accept_state(session);
	return session;
}

/* RFC 7011 §11.3: names as RFC 6125 compares them, without wildcards. */
static bool has_name(X509 *certificate, const char *name)
{
	struct weir_addr addr;

	if (weir_addr_parse(name, &addr) == 0)
		return X509_check_ip_asc(certificate, name, 0) == 1;
	return X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
}

bool weir_tls_peer(const struct weir_tls *tls, const struct ssl_st *session, char *ret_why, size_t size)
{
	X509 *certificate = SSL_get1_peer_certificate(session);
	bool found = tls->peers == 0;
	char subject[200] = "";

	for (unsigned i = 0; certificate && !found && i < tls->peers; i++)
		found = has_name(certificate, tls->peer[i]);
	if (!found) {
		if (certificate)
			(void)X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof(subject));
		(void)snprintf(ret_why, size, "no name in the certificate of \"%s\" is one of tls.peers", subject);
	}
	X509_free(certificate);
	ERR_clear_error();
	return found;
}
