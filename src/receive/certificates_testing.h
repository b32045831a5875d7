/* For tests: certificates of an authority that lives as long as the test, as PEM files in a folder of its own. */
#ifndef WEIR_RECEIVE_CERTIFICATES_TESTING_H
#define WEIR_RECEIVE_CERTIFICATES_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct test_authority {
	char dir[64];
	EVP_PKEY *key;
	X509 *certificate;
	long serial;
};

static inline void test_add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* issuer NULL: signed by itself. names: "DNS:a,IP:192.0.2.1" or NULL. */
static inline X509 *test_certificate(struct test_authority *a, EVP_PKEY *key, const char *common_name, const char *names,
				     bool authority)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();

	assert_non_null(x);
	assert_non_null(name);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0), 1);
	(void)X509_set_version(x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), ++a->serial);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	(void)X509_set_subject_name(x, name);
	(void)X509_set_issuer_name(x, a->certificate ? X509_get_subject_name(a->certificate) : name);
	(void)X509_set_pubkey(x, key);
	test_add_extension(x, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
	if (names)
		test_add_extension(x, NID_subject_alt_name, names);
	assert_true(X509_sign(x, a->key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	return x;
}

static inline const char *test_path(const struct test_authority *a, const char *file, char ret_path[128])
{
	(void)snprintf(ret_path, 128, "%s/%s", a->dir, file);
	return ret_path;
}

static inline void test_write(const struct test_authority *a, const char *name, X509 *x, EVP_PKEY *key)
{
	char file[48], path[128];
	FILE *f;

	(void)snprintf(file, sizeof(file), "%s.pem", name);
	f = fopen(test_path(a, file, path), "we");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, x), 1);
	(void)fclose(f);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	f = fopen(test_path(a, file, path), "we");
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	(void)fclose(f);
}

static inline void test_authority_init(struct test_authority *a)
{
	*a = (struct test_authority){.dir = "/tmp/weir-certificates-XXXXXX"};
	assert_non_null(mkdtemp(a->dir));
	a->key = EVP_EC_gen("P-256");
	assert_non_null(a->key);
	a->certificate = test_certificate(a, a->key, "test authority", NULL, true);
	test_write(a, "ca", a->certificate, a->key);
}

/* NAME.pem and NAME.key. */
static inline void test_issue(struct test_authority *a, const char *name, const char *common_name, const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x;

	assert_non_null(key);
	x = test_certificate(a, key, common_name, names, false);
	test_write(a, name, x, key);
	X509_free(x);
	EVP_PKEY_free(key);
}

static inline void test_authority_done(struct test_authority *a)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -r %s", a->dir);
	assert_int_equal(system(command), 0);
	X509_free(a->certificate);
	EVP_PKEY_free(a->key);
}

#endif
