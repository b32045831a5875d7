/* `weir web user …` and `weir web token …`: the file of those who may use the page. The server sees a change within a
 * second. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/web.h"
#include "web/users.h"

void weir_web_users_path(const struct weir_config *config, const char *data_dir, char *ret_path, size_t size)
{
	if (*config->web_users_file)
		(void)snprintf(ret_path, size, "%s", config->web_users_file);
	else
		(void)snprintf(ret_path, size, "%s/web/users", data_dir);
}

/* --- passwords -------------------------------------------------------------------------------------------- */

/* A line, without echo on a terminal. */
static bool read_line(const char *prompt, char *ret_text, size_t size)
{
	struct termios before, silent;
	bool terminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0;
	bool got;

	if (terminal) {
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		fputs(prompt, stderr);
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	got = fgets(ret_text, (int)size, stdin) != NULL;
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputs("\n", stderr);
	}
	if (got)
		ret_text[strcspn(ret_text, "\r\n")] = '\0';
	return got;
}

static int read_password(char *ret_password, size_t size, struct weir_error *err)
{
	char again[WEIR_WEB_PASSWORD_MAX + 2];

	if (!read_line("password: ", ret_password, size))
		return weir_error_set(err, -EINVAL, "standard input", "type it, or give it in the first line of standard input",
				      "there is no password");
	if (strlen(ret_password) < WEIR_WEB_PASSWORD_MIN || strlen(ret_password) > WEIR_WEB_PASSWORD_MAX)
		return weir_error_set(err, -EINVAL, NULL, NULL, "a password has %d characters at least, and %d at most",
				      WEIR_WEB_PASSWORD_MIN, WEIR_WEB_PASSWORD_MAX);
	if (isatty(STDIN_FILENO) != 1)
		return 0;
	if (!read_line("again: ", again, sizeof(again)) || strcmp(again, ret_password) != 0)
		return weir_error_set(err, -EINVAL, NULL, "try again", "the two are not the same");
	explicit_bzero(again, sizeof(again));
	return 0;
}

/* --- the file --------------------------------------------------------------------------------------------- */

struct change {
	const struct weir_web_values *values;
	enum weir_web_user_kind kind;
	const char *name;
	char path[4096];
	struct weir_web_users users;
	struct weir_error err;
};

static int set_password(struct change *c, struct weir_web_user *user)
{
	char password[WEIR_WEB_PASSWORD_MAX + 2];
	int rc;

	if (c->values->no_password) {
		memcpy(user->secret, "-", 2);
		return 0;
	}
	rc = read_password(password, sizeof(password), &c->err);
	if (!rc && weir_web_password_hash(password, user->secret))
		rc = weir_error_set(&c->err, -ENOMEM, NULL, NULL, "the password cannot be kept: no memory or no random numbers");
	explicit_bzero(password, sizeof(password));
	return rc;
}

/* The token is shown once: only its hash is kept. */
static int set_token(struct change *c, struct weir_web_user *user, char ret_token[WEIR_WEB_SECRET_TEXT])
{
	if (weir_web_secret_new(ret_token))
		return weir_error_set(&c->err, -EIO, NULL, NULL, "there are no random numbers");
	weir_web_secret_hash(ret_token, user->secret);
	return 0;
}

static void today(char *ret_text, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	(void)strftime(ret_text, size, "%Y-%m-%d", gmtime_r(&now, &tm));
}

static int add(struct change *c)
{
	const char *may = c->values->may ? c->values->may : "viewer";
	struct weir_web_user user = {.kind = c->kind, .role = weir_web_role_find(may)};
	char token[WEIR_WEB_SECRET_TEXT] = "";
	int rc;

	if (!weir_web_name_is_right(c->name))
		return weir_error_set(&c->err, -EINVAL, NULL, NULL, "a name has 1 to %d letters, digits and . _ - @", WEIR_WEB_NAME_MAX);
	(void)snprintf(user.name, sizeof(user.name), "%s", c->name);
	today(user.day, sizeof(user.day));
	rc = c->kind == WEIR_WEB_USER ? set_password(c, &user) : set_token(c, &user, token);
	if (!rc && weir_web_users_set(&c->users, &user))
		rc = weir_error_set(&c->err, -E2BIG, c->path, NULL, "there is no room for more users and tokens");
	if (!rc)
		rc = weir_web_users_write(c->path, &c->users, &c->err);
	if (!rc && *token)
		printf("%s\n", token);
	return rc;
}

static int remove_one(struct change *c)
{
	if (weir_web_users_remove(&c->users, c->kind, c->name))
		return weir_error_set(&c->err, -ENOENT, c->path, NULL, "there is no %s \"%.64s\"",
				      c->kind == WEIR_WEB_USER ? "user" : "token", c->name);
	return weir_web_users_write(c->path, &c->users, &c->err);
}

static int list(struct change *c)
{
	for (size_t i = 0; i < c->users.count; i++) {
		const struct weir_web_user *u = &c->users.user[i];

		if (u->kind == c->kind)
			printf("%-32s %-14s %s%s\n", u->name, weir_web_role_name(u->role), u->day,
			       strcmp(u->secret, "-") == 0 ? "  no password" : "");
	}
	return 0;
}

/* The folder is made for the owner of the data folder. */
static int make_folder(struct change *c, const struct weir_config *config, const char *data_dir)
{
	char folder[4096];
	struct stat st;

	if (*config->web_users_file)
		return 0;
	(void)snprintf(folder, sizeof(folder), "%s/web", data_dir);
	if (stat(data_dir, &st))
		return weir_error_set(&c->err, -errno, data_dir, "start `weir run` once, or name the folder with --data",
				      "there is no data folder here: %s", strerror(errno));
	if (mkdir(folder, 0700) == 0) {
		if (geteuid() == 0 && chown(folder, st.st_uid, st.st_gid))
			return weir_error_set(&c->err, -errno, folder, NULL, "cannot be given to the data folder's owner");
	} else if (errno != EEXIST) {
		return weir_error_set(&c->err, -errno, folder, "run this as root or as the user that weir runs as",
				      "cannot be made: %s", strerror(errno));
	}
	return 0;
}

static const struct {
	const char *name;
	bool named;
	int (*run)(struct change *c);
} ACTIONS[] = {
	{"add", true, add},
	{"remove", true, remove_one},
	{"list", false, list},
};

int weir_web_users_run(const struct weir_command *self, const struct weir_web_values *values, int operands, char **argv)
{
	struct change c = {.values = values, .kind = strcmp(argv[1], "token") == 0 ? WEIR_WEB_TOKEN : WEIR_WEB_USER};
	struct weir_config config;
	const char *data_dir;
	size_t a = 0;
	int rc;

	if (strcmp(argv[1], "user") != 0 && strcmp(argv[1], "token") != 0)
		return weir_usage(self, "what is \"%s\"?", argv[1]);
	while (a < sizeof(ACTIONS) / sizeof(ACTIONS[0]) && (operands < 2 || strcmp(argv[2], ACTIONS[a].name) != 0))
		a++;
	if (a == sizeof(ACTIONS) / sizeof(ACTIONS[0]) || operands != 2 + ACTIONS[a].named)
		return weir_usage(self, "say `weir web %s add NAME`, `… remove NAME` or `… list`", argv[1]);
	c.name = ACTIONS[a].named ? argv[3] : NULL;
	if (weir_config_read(weir_config_find(values->role.config), &config, &c.err))
		return weir_fail(WEIR_EXIT_USAGE, &c.err);
	data_dir = values->role.data ? values->role.data : config.data_dir;
	weir_web_users_path(&config, data_dir, c.path, sizeof(c.path));
	rc = make_folder(&c, &config, data_dir);
	if (!rc)
		rc = weir_web_users_read(c.path, &c.users, &c.err);
	if (!rc)
		rc = ACTIONS[a].run(&c);
	weir_web_users_done(&c.users);
	weir_config_done(&config);
	return rc ? weir_fail(WEIR_EXIT_USAGE, &c.err) : WEIR_EXIT_OK;
}
