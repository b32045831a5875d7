#include "web/page.h"

#include <string.h>

#include "web/web.h"

static const struct weir_web_asset *find(const char *path)
{
	for (const struct weir_web_asset *a = weir_web_assets; a->path; a++) {
		if (strcmp(a->path, path) == 0)
			return a;
	}
	return NULL;
}

const struct weir_web_asset *weir_web_asset_find(const char *path)
{
	const struct weir_web_asset *asset = find(path);
	const char *last = strrchr(path, '/');

	if (asset || (last && strchr(last, '.')))
		return asset;
	return find("/index.html");
}

bool weir_web_has_page(void)
{
	return find("/index.html") != NULL;
}
