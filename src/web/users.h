/* Who may use the page and its interface: the file of users and tokens, a line each of kind, name, role, what is kept of
 * the secret, and the day it was made, parted by tabs. It is written by `weir web`, read by the server, and never holds a
 * password or a token itself. The value owns its memory; one thread. */
#ifndef WEIR_WEB_USERS_H
#define WEIR_WEB_USERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "web/secret.h"

#define WEIR_WEB_NAME_MAX  64
#define WEIR_WEB_USERS_MAX 4096

enum weir_web_role { WEIR_WEB_NOBODY, WEIR_WEB_VIEWER, WEIR_WEB_OPERATOR, WEIR_WEB_ADMINISTRATOR, WEIR_WEB_ROLES };

/* "none", "viewer" … */
const char *weir_web_role_name(enum weir_web_role role);
/* WEIR_WEB_NOBODY for what is no role. */
enum weir_web_role weir_web_role_find(const char *name);

enum weir_web_user_kind { WEIR_WEB_USER, WEIR_WEB_TOKEN };

struct weir_web_user {
	enum weir_web_user_kind kind;
	char name[WEIR_WEB_NAME_MAX + 1];
	enum weir_web_role role;
	char secret[WEIR_WEB_HASH_MAX]; /* "-": a user that a proxy names, who has no password */
	char day[16];
};

struct weir_web_users {
	struct weir_web_user *user; /* owned */
	size_t count;
};

/* 1 to 64 letters, digits and . _ - @ */
bool weir_web_name_is_right(const char *name);

void weir_web_users_done(struct weir_web_users *users);
/* A missing file is an empty one. -EINVAL: err has file and line. */
int weir_web_users_read(const char *path, struct weir_web_users *ret_users, struct weir_error *err) WEIR_MUST_CHECK;
int weir_web_users_parse(const char *name, const char *text, size_t len, struct weir_web_users *ret_users,
			 struct weir_error *err) WEIR_MUST_CHECK;
/* Replace the file, for its owner alone; it keeps the owner that it had. */
int weir_web_users_write(const char *path, const struct weir_web_users *users, struct weir_error *err) WEIR_MUST_CHECK;

const struct weir_web_user *weir_web_users_find(const struct weir_web_users *users, enum weir_web_user_kind kind,
						const char *name);
/* Of a token: the one whose secret has this hash. */
const struct weir_web_user *weir_web_users_token(const struct weir_web_users *users, const char *hash);
/* Add, or replace the one of the same kind and name. */
int weir_web_users_set(struct weir_web_users *users, const struct weir_web_user *user) WEIR_MUST_CHECK;
/* -ENOENT: there is none. */
int weir_web_users_remove(struct weir_web_users *users, enum weir_web_user_kind kind, const char *name) WEIR_MUST_CHECK;

#endif
