#include "spool/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/index.h"
#include "spool/position.h"

struct look {
	struct weir_spool_folder folder;
	struct weir_spool_index *index;
	struct weir_spool_position position;
	struct weir_error *err;
	int (*each)(void *ctx, const struct weir_spool_survey *survey);
	void *ctx;
	unsigned consumers;
};

static void add_lane(const struct weir_spool_lane *lane, uint64_t done, struct weir_spool_survey *survey)
{
	for (size_t i = 0; i < lane->entries; i++) {
		const struct weir_spool_entry *entry = &lane->entry[i];

		if (entry->number <= done)
			continue;
		survey->segments++;
		survey->rows += weir_table_of_lane(lane->name) == WEIR_TABLE_FLOWS ? entry->rows : 0;
		survey->bytes += entry->bytes;
		if (!survey->oldest_ns || entry->written_ns < survey->oldest_ns)
			survey->oldest_ns = entry->written_ns;
	}
}

static int look_as(void *ctx, const char *consumer)
{
	struct look *look = ctx;
	struct weir_spool_survey survey = {0};
	int rc;

	look->position.lanes = 0;
	if (*consumer) {
		rc = weir_spool_position_load(&look->folder, consumer, &look->position, look->err);
		if (rc)
			return rc == -ENOENT ? 0 : rc; /* it went away meanwhile */
	}
	(void)snprintf(survey.consumer, sizeof(survey.consumer), "%s", consumer);
	for (unsigned i = 0; i < look->index->lanes; i++) {
		const struct weir_spool_lane *lane = &look->index->lane[i];

		if (weir_spool_consumes(consumer, lane->name))
			add_lane(lane, weir_spool_position_get(&look->position, lane->name), &survey);
	}
	look->consumers++;
	return look->each(look->ctx, &survey);
}

int weir_spool_survey(const char *dir, int (*each)(void *ctx, const struct weir_spool_survey *survey), void *ctx,
		      struct weir_error *err)
{
	struct look *look = calloc(1, sizeof(*look)); /* the position is large */
	int rc;

	if (!look)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	*look = (struct look){.each = each, .ctx = ctx, .err = err};
	look->folder.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	look->folder.dir = strdup(dir);
	if (look->folder.fd < 0 || !look->folder.dir)
		rc = weir_error_set(err, -errno, dir, NULL, "the spool cannot be read: %s", strerror(errno));
	else
		rc = weir_spool_index_new(&look->index);
	if (!rc)
		rc = weir_spool_index_refresh(look->index, &look->folder, err);
	if (!rc)
		rc = weir_spool_each_consumer(&look->folder, look_as, look);
	if (!rc && look->consumers == 0)
		rc = look_as(look, "");
	weir_spool_index_free(look->index);
	weir_spool_folder_done(&look->folder);
	free(look);
	return rc;
}
