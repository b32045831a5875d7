#include "cli/store_client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/role.h"

/* The first line of store.password_file. */
static int read_password(const char *path, char *password, size_t size, struct weir_error *err)
{
	int fd = *path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n;

	password[0] = '\0';
	if (!*path)
		return 0;
	n = fd < 0 ? -1 : read(fd, password, size - 1);
	if (n < 0) {
		int rc = -errno;

		if (fd >= 0)
			(void)close(fd);
		return weir_error_set(err, rc, path, "check store.password_file", "cannot be read: %s", strerror(-rc));
	}
	(void)close(fd);
	password[n] = '\0';
	password[strcspn(password, "\r\n")] = '\0';
	return 0;
}

int weir_store_client_new(const struct weir_config *config, int timeout_s, struct weir_client **ret_client,
			  struct weir_error *err)
{
	char password[256];
	struct weir_buffer url;
	struct weir_client_options options = {
		.database = config->store_database,
		.user = config->store_user,
		.password = password,
		.timeout_s = timeout_s,
	};
	int rc = read_password(config->store_password_file, password, sizeof(password), err);

	if (rc)
		return rc;
	weir_buffer_init(&url);
	rc = weir_role_store_url(config, &url);
	options.url = rc ? NULL : weir_buffer_cstr(&url);
	rc = options.url ? weir_client_new(&options, ret_client, err)
			 : weir_error_set(err, -ENOMEM, NULL, NULL, "there is no memory left");
	weir_buffer_done(&url);
	explicit_bzero(password, sizeof(password));
	return rc;
}
