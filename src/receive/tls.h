/* The collector's side of TLS (RFC 7011 §11): its certificate, the authorities of exporters' certificates, and the names
 * that may stand in them. A weir_tls owns the settings; sessions made from it belong to the thread that uses them. */
#ifndef WEIR_RECEIVE_TLS_H
#define WEIR_RECEIVE_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ssl_st;
struct weir_tls;

struct weir_tls_options {
	const char *certificate; /* PEM files */
	const char *key;
	const char *ca;		  /* NULL or "": none, where client_certificate is false */
	bool client_certificate;  /* exporters need one of ca's */
	const char *const *peers; /* names and addresses, one of which a certificate must have; none: any will do */
	unsigned peers_count;
};

/* The strings are copied. */
int weir_tls_new(const struct weir_tls_options *options, struct weir_tls **ret_tls, struct weir_error *err)
	WEIR_MUST_CHECK;
/* Sessions that were made from it may live on. */
void weir_tls_free(struct weir_tls *tls);

/* To be called now and then, by one thread, beside those that make sessions. Where the files have changed, and have been at
 * rest since the last call, they are read again, for sessions made from now on: 1. 0: nothing to do. Negative: they
 * cannot be used, and what there was stays in force; tried again when they change again. */
int weir_tls_refresh(struct weir_tls *tls, struct weir_error *err) WEIR_MUST_CHECK;

/* A session on an accepted socket, which stays the caller's; NULL without memory. The caller SSL_free()s it. */
struct ssl_st *weir_tls_accept(struct weir_tls *tls, int fd);

/* After the handshake: whether this peer may send. Else ret_why says why not. */
bool weir_tls_peer(const struct weir_tls *tls, const struct ssl_st *session, char *ret_why, size_t size);

/* Why the calling thread's last call of OpenSSL failed. */
void weir_tls_why(const struct ssl_st *session, char *ret_why, size_t size);

#endif
