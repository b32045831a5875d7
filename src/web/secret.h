/* Passwords, tokens and what is kept of them (OpenSSL's libcrypto). Of a password: scrypt (RFC 7914) with a salt of its
 * own, 32 MB and a tenth of a second a try. Of a token, which is 32 random bytes: its SHA-256. Any thread. */
#ifndef WEIR_WEB_SECRET_H
#define WEIR_WEB_SECRET_H

#include <stdbool.h>

#include "base/error.h"
#include "web/guard.h"

#define WEIR_WEB_HASH_MAX      192
#define WEIR_WEB_PASSWORD_MIN  8
#define WEIR_WEB_PASSWORD_MAX  1024

/* "scrypt:15:8:1:SALT:HASH" */
int weir_web_password_hash(const char *password, char ret_hash[WEIR_WEB_HASH_MAX]) WEIR_MUST_CHECK;
bool weir_web_password_is(const char *password, const char *hash);
/* Takes as long as the others, for names that do not exist. */
void weir_web_password_waste(const char *password);

/* 32 random bytes in hexadecimal. */
int weir_web_secret_new(char ret_secret[WEIR_WEB_SECRET_TEXT]) WEIR_MUST_CHECK;
void weir_web_secret_hash(const char *secret, char ret_hash[WEIR_WEB_SECRET_TEXT]);
/* HMAC-SHA-256 in hexadecimal. */
void weir_web_secret_sign(const char *key, const char *text, char ret_mark[WEIR_WEB_SECRET_TEXT]);

#endif
