#include "web/users.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (4UL * 1024 * 1024)

static const char *const ROLES[WEIR_WEB_ROLES] = {"none", "viewer", "operator", "administrator"};
static const char *const KINDS[] = {"user", "token"};

const char *weir_web_role_name(enum weir_web_role role)
{
	return ROLES[role];
}

enum weir_web_role weir_web_role_find(const char *name)
{
	for (unsigned i = WEIR_WEB_VIEWER; i < WEIR_WEB_ROLES; i++) {
		if (strcmp(ROLES[i], name) == 0)
			return (enum weir_web_role)i;
	}
	return WEIR_WEB_NOBODY;
}

bool weir_web_name_is_right(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-");

	return len && !name[len] && len <= WEIR_WEB_NAME_MAX;
}

void weir_web_users_done(struct weir_web_users *users)
{
	free(users->user);
	*users = (struct weir_web_users){0};
}

int weir_web_users_set(struct weir_web_users *users, const struct weir_web_user *user)
{
	struct weir_web_user *more;

	for (size_t i = 0; i < users->count; i++) {
		if (users->user[i].kind == user->kind && strcmp(users->user[i].name, user->name) == 0) {
			users->user[i] = *user;
			return 0;
		}
	}
	if (users->count == WEIR_WEB_USERS_MAX)
		return -E2BIG;
	more = realloc(users->user, (users->count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	users->user = more;
	more[users->count++] = *user;
	return 0;
}

int weir_web_users_remove(struct weir_web_users *users, enum weir_web_user_kind kind, const char *name)
{
	const struct weir_web_user *user = weir_web_users_find(users, kind, name);
	size_t at;

	if (!user)
		return -ENOENT;
	at = (size_t)(user - users->user);
	memmove(&users->user[at], &users->user[at + 1], (users->count - at - 1) * sizeof(*users->user));
	users->count--;
	return 0;
}

const struct weir_web_user *weir_web_users_find(const struct weir_web_users *users, enum weir_web_user_kind kind,
						const char *name)
{
	for (size_t i = 0; i < users->count; i++) {
		if (users->user[i].kind == kind && strcmp(users->user[i].name, name) == 0)
			return &users->user[i];
	}
	return NULL;
}

const struct weir_web_user *weir_web_users_token(const struct weir_web_users *users, const char *hash)
{
	const struct weir_web_user *found = NULL;

	for (size_t i = 0; i < users->count; i++) {
		if (users->user[i].kind == WEIR_WEB_TOKEN && weir_web_same(users->user[i].secret, hash))
			found = &users->user[i];
	}
	return found;
}

/* "kind\tname\trole\tsecret\tday" */
static bool parse_line(char *line, struct weir_web_user *ret_user)
{
	char *field[5];
	char *rest = line;

	for (unsigned i = 0; i < 5; i++) {
		field[i] = strsep(&rest, "\t");
		if (!field[i])
			return false;
	}
	*ret_user = (struct weir_web_user){.kind = strcmp(field[0], KINDS[WEIR_WEB_TOKEN]) == 0 ? WEIR_WEB_TOKEN : WEIR_WEB_USER};
	if (rest || strcmp(field[0], KINDS[ret_user->kind]) != 0 || !weir_web_name_is_right(field[1]) || !*field[3] ||
	    strlen(field[3]) >= sizeof(ret_user->secret) || strlen(field[4]) >= sizeof(ret_user->day))
		return false;
	ret_user->role = weir_web_role_find(field[2]);
	memcpy(ret_user->name, field[1], strlen(field[1]) + 1);
	memcpy(ret_user->secret, field[3], strlen(field[3]) + 1);
	memcpy(ret_user->day, field[4], strlen(field[4]) + 1);
	return ret_user->role != WEIR_WEB_NOBODY;
}

int weir_web_users_parse(const char *name, const char *text, size_t len, struct weir_web_users *ret_users,
			 struct weir_error *err)
{
	struct weir_web_users users = {0};
	char *copy = strndup(text, len);
	char *rest = copy;
	unsigned number = 0;
	int rc = copy ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");

	while (!rc && rest && *rest) {
		char *line = strsep(&rest, "\n");
		struct weir_web_user user;
		char where[256];

		number++;
		if (!*line || *line == '#')
			continue;
		(void)snprintf(where, sizeof(where), "%.200s:%u", name, number);
		if (!parse_line(line, &user))
			rc = weir_error_set(err, -EINVAL, where, "let `weir web` write this file", "this line is not of a user or token");
		else if (weir_web_users_set(&users, &user))
			rc = weir_error_set(err, -E2BIG, where, NULL, "there is no room for more users and tokens");
	}
	free(copy);
	if (rc)
		weir_web_users_done(&users);
	else
		*ret_users = users;
	return rc;
}

int weir_web_users_read(const char *path, struct weir_web_users *ret_users, struct weir_error *err)
{
	struct weir_buffer text;
	FILE *file = fopen(path, "re");
	int rc = 0;

	if (!file && errno == ENOENT) {
		*ret_users = (struct weir_web_users){0};
		return 0;
	}
	if (!file)
		return weir_error_set(err, -errno, path, "run this as the user that weir runs as, or as root", "cannot be read: %s",
				      strerror(errno));
	weir_buffer_init(&text);
	while (!rc && !feof(file) && !ferror(file) && text.len < FILE_MAX) {
		rc = weir_buffer_reserve(&text, 65536);
		if (!rc)
			text.len += fread(text.data + text.len, 1, 65536, file);
	}
	if (!rc && ferror(file))
		rc = -EIO;
	(void)fclose(file);
	rc = rc ? weir_error_set(err, rc, path, NULL, "cannot be read: %s", strerror(-rc))
		: weir_web_users_parse(path, text.len ? (const char *)text.data : "", text.len, ret_users, err);
	weir_buffer_done(&text);
	return rc;
}

static int print(const struct weir_web_users *users, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "# Users and tokens of weir's page: kind, name, role, what is kept of the secret, made on. Written by `weir web`.\n");

	for (size_t i = 0; !rc && i < users->count; i++) {
		const struct weir_web_user *u = &users->user[i];

		rc = weir_buffer_printf(out, "%s\t%s\t%s\t%s\t%s\n", KINDS[u->kind], u->name, ROLES[u->role], u->secret, u->day);
	}
	return rc;
}

static int write_all(int fd, const struct weir_buffer *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t n = write(fd, text->data + done, text->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) ? -errno : 0;
}

static int stat_folder(const char *path, struct stat *ret_st)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');

	(void)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	return stat(folder, ret_st);
}

int weir_web_users_write(const char *path, const struct weir_web_users *users, struct weir_error *err)
{
	struct weir_buffer text;
	struct stat st;
	char temporary[4096];
	int fd;
	int rc;

	if (snprintf(temporary, sizeof(temporary), "%s.%d.tmp", path, (int)getpid()) >= (int)sizeof(temporary))
		return weir_error_set(err, -ENAMETOOLONG, path, NULL, "the path is too long");
	weir_buffer_init(&text);
	rc = print(users, &text);
	fd = rc ? -1 : open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (!rc && fd < 0)
		rc = -errno;
	/* Root writes for the user whom weir runs as: the file's owner so far, or the folder's. */
	if (!rc && geteuid() == 0 && (stat(path, &st) == 0 || stat_folder(path, &st) == 0) && fchown(fd, st.st_uid, st.st_gid))
		rc = -errno;
	if (!rc)
		rc = write_all(fd, &text);
	if (fd >= 0)
		(void)close(fd);
	if (!rc && rename(temporary, path))
		rc = -errno;
	if (rc && fd >= 0)
		(void)unlink(temporary);
	weir_buffer_done(&text);
	return rc ? weir_error_set(err, rc, path, "run this as the user that weir runs as, or as root", "cannot be written: %s",
				   strerror(-rc))
		  : 0;
}
