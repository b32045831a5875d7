#include "web/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define LOG_N	   15
#define BLOCKS	   8
#define PARALLEL   1
#define SALT_BYTES 16
#define HASH_BYTES 32
#define MEMORY_MAX (256UL * 1024 * 1024)

static void to_hex(const uint8_t *bytes, size_t len, char *ret_text)
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = DIGITS[bytes[i] >> 4];
		ret_text[2 * i + 1] = DIGITS[bytes[i] & 15];
	}
	ret_text[2 * len] = '\0';
}

static int derive(const char *password, const char *salt, unsigned log_n, unsigned r, unsigned p, char *ret_hex)
{
	uint8_t key[HASH_BYTES];

	if (EVP_PBE_scrypt(password, strlen(password), (const unsigned char *)salt, strlen(salt), UINT64_C(1) << log_n, r, p,
			   MEMORY_MAX, key, sizeof(key)) != 1)
		return -ENOMEM;
	to_hex(key, sizeof(key), ret_hex);
	OPENSSL_cleanse(key, sizeof(key));
	return 0;
}

int weir_web_password_hash(const char *password, char ret_hash[WEIR_WEB_HASH_MAX])
{
	uint8_t salt[SALT_BYTES];
	char salt_text[2 * SALT_BYTES + 1];
	char hash[2 * HASH_BYTES + 1];
	int rc;

	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return -EIO;
	to_hex(salt, sizeof(salt), salt_text);
	rc = derive(password, salt_text, LOG_N, BLOCKS, PARALLEL, hash);
	if (!rc)
		(void)snprintf(ret_hash, WEIR_WEB_HASH_MAX, "scrypt:%d:%d:%d:%s:%s", LOG_N, BLOCKS, PARALLEL, salt_text, hash);
	return rc;
}

bool weir_web_password_is(const char *password, const char *hash)
{
	char salt[2 * SALT_BYTES + 1];
	char kept[2 * HASH_BYTES + 1];
	char own[2 * HASH_BYTES + 1];
	unsigned log_n, r, p;

	if (sscanf(hash, "scrypt:%2u:%2u:%2u:%32[0-9a-f]:%64[0-9a-f]", &log_n, &r, &p, salt, kept) != 5 || log_n < 1 ||
	    log_n > 20 || derive(password, salt, log_n, r, p, own))
		return false;
	return weir_web_same(own, kept);
}

void weir_web_password_waste(const char *password)
{
	char hash[2 * HASH_BYTES + 1];

	(void)derive(password, "00000000000000000000000000000000", LOG_N, BLOCKS, PARALLEL, hash);
}

int weir_web_secret_new(char ret_secret[WEIR_WEB_SECRET_TEXT])
{
	uint8_t bytes[32];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	to_hex(bytes, sizeof(bytes), ret_secret);
	return 0;
}

void weir_web_secret_hash(const char *secret, char ret_hash[WEIR_WEB_SECRET_TEXT])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	(void)SHA256((const unsigned char *)secret, strlen(secret), digest);
	to_hex(digest, sizeof(digest), ret_hash);
}

void weir_web_secret_sign(const char *key, const char *text, char ret_mark[WEIR_WEB_SECRET_TEXT])
{
	uint8_t digest[EVP_MAX_MD_SIZE] = {0};
	unsigned len = 0;

	(void)HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, strlen(text), digest, &len);
	to_hex(digest, 32, ret_mark);
}
