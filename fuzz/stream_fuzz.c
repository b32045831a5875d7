/* The stream of a TCP session, received in pieces: each piece is a byte with its length before it. However the pieces
 * are cut, what is given out must be messages with a header, one behind the other, and all of the input up to where the
 * stream goes wrong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "receive/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_cursor c = weir_cursor(data, size);
	uint8_t *whole = malloc(size + 1); /* the bytes without the lengths, to compare with */
	struct weir_stream s;
	size_t fed = 0, given = 0;
	int rc = 0;

	if (!whole || weir_stream_init(&s))
		abort();
	while (weir_cursor_left(&c) && rc >= 0) {
		size_t piece = (size_t)weir_cursor_u8(&c) + 1, room, len;
		uint8_t *at = weir_stream_room(&s, &room);
		const uint8_t *message;

		require(room > 0);
		piece = piece < weir_cursor_left(&c) ? piece : weir_cursor_left(&c);
		piece = piece < room ? piece : room;
		if (!piece)
			break;
		memcpy(at, c.at, piece);
		memcpy(whole + fed, weir_cursor_take(&c, piece), piece);
		fed += piece;
		weir_stream_filled(&s, piece);
		while ((rc = weir_stream_next(&s, &message, &len)) == 1) {
			require(len >= 16 && weir_be16(message) == 10 && weir_be16(message + 2) == len);
			require(given + len <= fed && memcmp(whole + given, message, len) == 0);
			given += len;
		}
		require(rc == 0 || rc == -EPROTO);
		require(rc || weir_stream_pending(&s) == (given < fed));
	}
	weir_stream_done(&s);
	free(whole);
	return 0;
}
