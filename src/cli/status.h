/* What `weir status` knows, and the two ways of showing it. The facts come from the files that the roles publish
 * (DATA/run), the spool's folder and the store; the figures of all roles are one table (status_figures.c). */
#ifndef WEIR_CLI_STATUS_H
#define WEIR_CLI_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/samples.h"
#include "config/config.h"
#include "spool/survey.h"

enum weir_status_role { WEIR_STATUS_COLLECT, WEIR_STATUS_SINK, WEIR_STATUS_STORE, WEIR_STATUS_REPLICATE, WEIR_STATUS_WEB,
			WEIR_STATUS_PROBE, WEIR_STATUS_SNMP, WEIR_STATUS_NOTIFY, WEIR_STATUS_ROLES };

extern const char *const weir_status_roles[WEIR_STATUS_ROLES]; /* "collect" … */

/* A number that a role publishes: a row a line of the table and a key in JSON. */
struct weir_figure {
	enum weir_status_role role;
	const char *key;
	const char *label;
	const char *metric;
	enum { WEIR_FIGURE_COUNT, WEIR_FIGURE_BYTES } kind;
	bool rate;	  /* per second, too */
	bool quiet;	  /* the table leaves it out while it is 0 */
	const char *loss; /* what a number above 0 means where it is a problem, and what to do; or NULL */
};

extern const struct weir_figure weir_figures[]; /* ended by a NULL key */
#define WEIR_FIGURES_MAX 40

struct weir_status_process {
	bool wanted;
	const char *state; /* "up", "down", "refused", "waits", "silent" */
	pid_t pid;	   /* 0: not known */
	double start_s;	   /* Unix time; 0: not known */
	double restarts;
	struct weir_samples samples;
	struct weir_status_sandbox {
		bool known;
		bool active;
		char why[96]; /* why not, or "" */
	} files, calls;
};

struct weir_status {
	const struct weir_config *config;
	char data_dir[1024];
	char store_url[1100];
	double now_s;
	bool supervised; /* `weir run` lives */
	struct weir_status_process process[WEIR_STATUS_ROLES];
	bool known[WEIR_FIGURES_MAX];
	double value[WEIR_FIGURES_MAX];
	double per_s[WEIR_FIGURES_MAX]; /* below 0: not known */
	bool has_spool;
	struct weir_spool_survey waiting; /* of the consumer that is furthest behind */
	bool store_answers;
	double store_flows;
	double store_bytes;    /* of all tables; below 0: not known */
	double store_newest_s; /* Unix time; 0: no flow yet */
	double disk_free_bytes;
	double disk_bytes;
	char problem[24][640];
	unsigned problems;
	char hint[256]; /* or empty */
};

/* Ask everybody; takes a second where something runs, for the rates. The configuration is borrowed. */
void weir_status_gather(const struct weir_config *config, const char *data_dir, struct weir_status *ret_status);
void weir_status_done(struct weir_status *status);
/* A problem: one line, "what; next step". */
void weir_status_problem(struct weir_status *status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The figures of all roles from their samples, with the rates between the two. */
void weir_status_figures(struct weir_status *status, const struct weir_samples before[WEIR_STATUS_ROLES]);

int weir_status_print_table(const struct weir_status *status, struct weir_buffer *out) WEIR_MUST_CHECK;
int weir_status_print_json(const struct weir_status *status, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
