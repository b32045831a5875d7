#include "store/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES (1024UL * 1024)
#define PIECE	   (64UL * 1024)
#define LOOK_MS	   200

void weir_answer_init(struct weir_answer *answer, struct weir_host *host, struct weir_host_query *query, int rows_fd,
		      int client_fd)
{
	memset(answer, 0, sizeof(*answer));
	answer->host = host;
	answer->query = query;
	answer->rows_fd = rows_fd;
	answer->client_fd = client_fd;
	answer->file_fd = -1;
	weir_buffer_init(&answer->head);
}

void weir_answer_done(struct weir_answer *answer)
{
	weir_buffer_done(&answer->head);
	if (answer->file_fd >= 0)
		(void)close(answer->file_fd);
}

/* True when rows or their end can be read; false when the client went away or the host stops. */
static bool wait_for_rows(const struct weir_answer *answer)
{
	struct pollfd fds[2] = {
		{.fd = answer->rows_fd, .events = POLLIN},
		{.fd = answer->client_fd, .events = POLLRDHUP},
	};

	while (!weir_host_is_stopping(answer->host)) {
		int n = poll(fds, 2, LOOK_MS);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0 && fds[1].revents)
			return false;
		if (n > 0 && fds[0].revents)
			return true;
	}
	return false;
}

static ssize_t read_rows(const struct weir_answer *answer, void *buffer, size_t size)
{
	ssize_t n;

	do {
		n = read(answer->rows_fd, buffer, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int keep_in_file(struct weir_answer *answer, const char *data, size_t len)
{
	if (answer->file_fd < 0)
		answer->file_fd = open(weir_host_incoming(answer->host), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (answer->file_fd < 0)
		return -errno;
	while (len) {
		ssize_t n = write(answer->file_fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -errno;
		data += n;
		len -= (size_t)n;
		answer->file_bytes += (uint64_t)n;
	}
	return 0;
}

/* The next piece to the end of head, or to the file behind it. What was read, 0 at the end, or -errno. */
static ssize_t gather_piece(struct weir_answer *answer)
{
	char piece[PIECE];
	ssize_t n;
	int rc;

	if (answer->head.len < HEAD_BYTES) {
		if (weir_buffer_reserve(&answer->head, PIECE))
			return -ENOMEM;
		n = read_rows(answer, answer->head.data + answer->head.len, PIECE);
		if (n > 0)
			answer->head.len += (size_t)n;
		return n < 0 ? -errno : n;
	}
	n = read_rows(answer, piece, sizeof(piece));
	if (n <= 0)
		return n < 0 ? -errno : 0;
	rc = keep_in_file(answer, piece, (size_t)n);
	return rc ? rc : n;
}

enum weir_answer_state weir_answer_gather(struct weir_answer *answer, bool wait_end)
{
	while (wait_end || answer->head.len < HEAD_BYTES) {
		ssize_t n;

		if (!wait_for_rows(answer)) {
			answer->result = weir_host_wait(answer->query, true);
			return WEIR_ANSWER_GONE;
		}
		n = gather_piece(answer);
		if (n < 0) {
			answer->failure = (int)-n;
			(void)weir_host_wait(answer->query, true);
			return WEIR_ANSWER_FAILED;
		}
		if (n == 0) {
			answer->result = weir_host_wait(answer->query, false);
			return WEIR_ANSWER_ENDED;
		}
	}
	return WEIR_ANSWER_MORE;
}

/* Behind the last row: nothing when all went well, else the error's text, once. */
static ssize_t give_end(struct weir_answer *answer, char *buffer, size_t size)
{
	size_t len;

	if (!answer->result)
		answer->result = weir_host_wait(answer->query, false);
	if (!answer->result->code)
		return 0;
	if (answer->told || size < 2)
		return -1;
	answer->told = true;
	len = answer->result->out.len < size - 2 ? answer->result->out.len : size - 2;
	buffer[0] = '\n';
	memcpy(buffer + 1, answer->result->out.data, len);
	buffer[len + 1] = '\n';
	return (ssize_t)len + 2;
}

ssize_t weir_answer_read(struct weir_answer *answer, char *buffer, size_t size)
{
	size_t left = answer->head.len - answer->head_given;
	ssize_t n;

	if (left) {
		n = (ssize_t)(left < size ? left : size);
		memcpy(buffer, answer->head.data + answer->head_given, (size_t)n);
		answer->head_given += (size_t)n;
		return n;
	}
	if (answer->result)
		return give_end(answer, buffer, size);
	if (!wait_for_rows(answer))
		return -1;
	n = read_rows(answer, buffer, size);
	if (n == 0)
		return give_end(answer, buffer, size);
	return n < 0 ? -1 : n;
}
