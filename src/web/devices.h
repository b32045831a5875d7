/* Configurations to copy into devices, so that they export here (data/devices). "@COLLECTOR@" and "@PORT@" stand for this
 * machine's. Constant data. */
#ifndef WEIR_WEB_DEVICES_H
#define WEIR_WEB_DEVICES_H

struct weir_web_device {
	const char *id;
	const char *name;
	const char *protocol;
	const char *port; /* the usual one */
	const char *note;     /* or "" */
	const char *text;
};

/* Ended by a NULL id. */
extern const struct weir_web_device weir_web_devices[];

#endif
