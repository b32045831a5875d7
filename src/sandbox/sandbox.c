#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sandbox/parts.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static struct weir_sandbox_part inactive(const char *why)
{
	struct weir_sandbox_part part = {.active = false};

	(void)snprintf(part.why, sizeof(part.why), "%s", why);
	return part;
}

#ifndef SANITIZED
static struct weir_sandbox_part result(int rc, const char *unsupported)
{
	if (rc == 0)
		return (struct weir_sandbox_part){.active = true};
	if (rc == -EOPNOTSUPP)
		return inactive(unsupported);
	return inactive(strerror(-rc));
}
#endif

void weir_sandbox_enter(const struct weir_sandbox_options *options, struct weir_sandbox_state *ret_state)
{
	struct weir_sandbox_state state;

#ifdef SANITIZED
	(void)options;
	state.files = inactive("a build with sanitizers");
	state.calls = inactive("a build with sanitizers");
#else
	/* The time zone's file is read when a time is first shown. */
	tzset();
	state.files = result(weir_sandbox_limit_files(options), "the kernel has no Landlock, or one before Linux 5.19");
	if (options->calls == WEIR_SANDBOX_ALL_CALLS)
		state.calls = inactive("not for this role");
	else
		state.calls = result(weir_sandbox_limit_calls(options->calls), "the kernel has no seccomp filters");
#endif
	*ret_state = state;
}
