/* The built page, put into the program when it was there to be built (tools/page): each file as it is and compressed
 * (gzip). Constant data. */
#ifndef WEIR_WEB_PAGE_H
#define WEIR_WEB_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct weir_web_asset {
	const char *path; /* "/index.html" */
	const char *type;
	const char *etag; /* with its quotes */
	const unsigned char *data;
	const unsigned char *data_end;
	const unsigned char *gzip; /* NULL: not smaller */
	const unsigned char *gzip_end;
	bool named_by_content; /* the name changes with the content: it may be kept for ever */
};

/* Ended by a NULL path. */
extern const struct weir_web_asset weir_web_assets[];

/* The file of a path; of "/" and of the page's own addresses, which have no dot in their last segment, the index. NULL:
 * there is none. */
const struct weir_web_asset *weir_web_asset_find(const char *path);

#endif
