/* An agent is asked in steps: the engine (SNMPv3 only), the system's name, then column by column. The library calls back while it reads
 * a session's socket or looks at its timers; that only notes what has come, and the step is taken behind it, so that no session is
 * closed or used within its own callback.
 *
 * Discovery of the engine (RFC 3414 §4) is a question of ours, too: the library's own waits for the answer, and a few dead agents would
 * hold up all the others. It answers with a report from which the library notes the engine; then the user's keys are localised.
 *
 * An agent cannot make us ask for ever: indexes must grow, there are interfaces_max of them, and a column's questions are counted. */
#include "snmp/poller.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/large_fd_set.h>

#define REPETITIONS 25 /* a bulk's rows: with names of 20 bytes an answer of one datagram without fragments */
#define TICK_MS	    50

static const oid SYSTEM_NAME[] = {1, 3, 6, 1, 2, 1, 1, 5, 0};

enum column { IF_NAME, IF_ALIAS, IF_HIGH_SPEED, IF_SPEED, IF_DESCR, COLUMNS };

#define ENTRY_LEN 11

static const oid COLUMN_OID[COLUMNS][ENTRY_LEN] = {
	[IF_NAME] = {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1},
	[IF_ALIAS] = {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18},
	[IF_HIGH_SPEED] = {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15},
	[IF_SPEED] = {1, 3, 6, 1, 2, 1, 2, 2, 1, 5},
	[IF_DESCR] = {1, 3, 6, 1, 2, 1, 2, 2, 1, 2},
};
static const size_t COLUMN_LEN[COLUMNS] = {
	[IF_NAME] = 11, [IF_ALIAS] = 11, [IF_HIGH_SPEED] = 11, [IF_SPEED] = 10, [IF_DESCR] = 10};

static const struct {
	const oid *protocol;
	size_t len;
} AUTHS[WEIR_SNMP_AUTHS] = {
	[WEIR_SNMP_SHA] = {usmHMACSHA1AuthProtocol, 10},
	[WEIR_SNMP_SHA224] = {usmHMAC128SHA224AuthProtocol, 10},
	[WEIR_SNMP_SHA256] = {usmHMAC192SHA256AuthProtocol, 10},
	[WEIR_SNMP_SHA384] = {usmHMAC256SHA384AuthProtocol, 10},
	[WEIR_SNMP_SHA512] = {usmHMAC384SHA512AuthProtocol, 10},
};

enum step { IDLE, ASK_ENGINE, ASK_SYSTEM, ASK_ROWS, OPENING };

struct asking {
	struct weir_snmp_poller *poller;
	struct weir_addr exporter;
	void *session;
	bool v3;
	enum step step;
	enum column column;
	uint32_t last;	    /* index of the column's last row */
	uint32_t questions; /* of the column */
	bool answered;	    /* since the last step: by pdu, or fault */
	netsnmp_pdu *pdu;   /* a copy, owned */
	enum weir_snmp_outcome fault;
	struct weir_snmp_interfaces interfaces;
};

struct weir_snmp_poller {
	struct weir_snmp_poller_options options;
	struct asking asking[WEIR_SNMP_SESSIONS_MAX];
	unsigned busy;
	uint64_t requests;
};

/* --- the library ------------------------------------------------------------------------------------------ */

static void start_library(void)
{
	static const int SWITCHES[] = {NETSNMP_DS_LIB_DONT_READ_CONFIGS, NETSNMP_DS_LIB_DONT_PERSIST_STATE,
				       NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD, NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE};

	for (size_t i = 0; i < sizeof(SWITCHES) / sizeof(SWITCHES[0]); i++)
		(void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, SWITCHES[i], 1);
	(void)setenv("MIBS", "", 1);
	(void)setenv("MIBDIRS", "", 1);
	/* It would write what peers send to stderr. */
	snmp_disable_log();
	init_snmp("weir");
	snmp_disable_log();
}

static enum weir_snmp_outcome of_report(netsnmp_pdu *pdu)
{
	switch (snmpv3_get_report_type(pdu)) {
	case SNMPERR_UNKNOWN_USER_NAME:
		return WEIR_SNMP_UNKNOWN_USER;
	case SNMPERR_AUTHENTICATION_FAILURE:
		return WEIR_SNMP_AUTHENTICATION;
	case SNMPERR_UNSUPPORTED_SEC_LEVEL:
	case SNMPERR_DECRYPTION_ERR:
	case SNMPERR_NOT_IN_TIME_WINDOW:
		return WEIR_SNMP_SECURITY;
	default:
		return WEIR_SNMP_NONSENSE;
	}
}

static int on_answer(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
	struct asking *a = magic;

	(void)session, (void)request;
	if (a->answered)
		return 1;
	switch (operation) {
	case NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE:
		a->answered = true;
		a->fault = WEIR_SNMP_OK;
		if (pdu->command == SNMP_MSG_REPORT && a->step != ASK_ENGINE)
			a->fault = of_report(pdu);
		else if (pdu->command == SNMP_MSG_RESPONSE && !(a->pdu = snmp_clone_pdu(pdu)))
			a->fault = WEIR_SNMP_LOCAL;
		break;
	case NETSNMP_CALLBACK_OP_TIMED_OUT:
		a->answered = true;
		a->fault = WEIR_SNMP_SILENT;
		break;
	case NETSNMP_CALLBACK_OP_SEND_FAILED:
	case NETSNMP_CALLBACK_OP_DISCONNECT:
		a->answered = true;
		a->fault = WEIR_SNMP_UNREACHABLE;
		break;
	default: /* sent again, or an error of security, which a message follows */
		break;
	}
	return 1;
}

/* Others that are asked may share engine and user: a router with several addresses. */
static bool is_shared(const struct asking *a, const netsnmp_session *s)
{
	for (unsigned i = 0; i < WEIR_SNMP_SESSIONS_MAX; i++) {
		const struct asking *other = &a->poller->asking[i];
		const netsnmp_session *o = other != a && other->session ? snmp_sess_session(other->session) : NULL;

		if (o && other->v3 && o->securityEngineIDLen == s->securityEngineIDLen &&
		    memcmp(o->securityEngineID, s->securityEngineID, s->securityEngineIDLen) == 0)
			return true;
	}
	return false;
}

/* The library keeps users and engines for ever; an agent that tells another engine each time would fill the memory. */
static void forget_engine(const struct asking *a)
{
	netsnmp_session *s = snmp_sess_session(a->session);
	struct usmUser *user;

	if (!a->v3 || !s->securityEngineIDLen || is_shared(a, s))
		return;
	user = usm_get_user(s->securityEngineID, s->securityEngineIDLen, s->securityName);
	if (user) {
		(void)usm_remove_user(user);
		(void)usm_free_user(user);
	}
	free_enginetime(s->securityEngineID, s->securityEngineIDLen);
}

static void end(struct asking *a, enum weir_snmp_outcome outcome)
{
	struct weir_snmp_poller *p = a->poller;

	snmp_free_pdu(a->pdu);
	a->pdu = NULL;
	if (a->session) {
		forget_engine(a);
		(void)snmp_sess_close(a->session);
		a->session = NULL;
	}
	a->step = IDLE;
	p->busy--;
	weir_snmp_settle_speeds(&a->interfaces);
	p->options.done(p->options.ctx, &a->exporter, outcome, &a->interfaces);
	weir_snmp_interfaces_reset(&a->interfaces);
}

static void send_question(struct asking *a, netsnmp_pdu *pdu)
{
	a->answered = false;
	a->poller->requests++;
	if (pdu && snmp_sess_send(a->session, pdu))
		return;
	snmp_free_pdu(pdu);
	a->answered = true;
	a->fault = pdu ? WEIR_SNMP_UNREACHABLE : WEIR_SNMP_LOCAL;
}

/* --- questions -------------------------------------------------------------------------------------------- */

static void ask_engine(struct asking *a)
{
	netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);

	a->step = ASK_ENGINE;
	if (pdu) {
		pdu->version = SNMP_VERSION_3;
		pdu->securityName = strdup("");
		pdu->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
		pdu->securityModel = SNMP_SEC_MODEL_USM;
	}
	send_question(a, pdu);
}

static void ask_system(struct asking *a)
{
	netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);

	a->step = ASK_SYSTEM;
	if (pdu)
		(void)snmp_add_null_var(pdu, SYSTEM_NAME, sizeof(SYSTEM_NAME) / sizeof(SYSTEM_NAME[0]));
	send_question(a, pdu);
}

static void ask_rows(struct asking *a)
{
	netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GETBULK);
	size_t len = COLUMN_LEN[a->column];
	oid name[ENTRY_LEN + 1];

	a->step = ASK_ROWS;
	memcpy(name, COLUMN_OID[a->column], len * sizeof(*name));
	name[len] = a->last;
	if (pdu) {
		pdu->non_repeaters = 0;
		pdu->max_repetitions = REPETITIONS;
		(void)snmp_add_null_var(pdu, name, a->last ? len + 1 : len);
	}
	a->questions++;
	send_question(a, pdu);
}

static bool has_names(const struct asking *a)
{
	for (uint32_t i = 0; i < a->interfaces.count; i++) {
		if (*a->interfaces.interface[i].name)
			return true;
	}
	return false;
}

static void ask_column(struct asking *a, enum column column)
{
	if (column == IF_DESCR && has_names(a))
		column = COLUMNS;
	if (column == COLUMNS) {
		end(a, a->interfaces.count ? WEIR_SNMP_OK : WEIR_SNMP_EMPTY);
		return;
	}
	a->column = column;
	a->last = 0;
	a->questions = 0;
	ask_rows(a);
}

/* --- answers ---------------------------------------------------------------------------------------------- */

static bool is_gauge(const netsnmp_variable_list *v)
{
	return (v->type == ASN_GAUGE || v->type == ASN_INTEGER || v->type == ASN_UINTEGER) && v->val.integer;
}

static void take_value(struct asking *a, struct weir_snmp_interface *i, const netsnmp_variable_list *v)
{
	switch (a->column) {
	case IF_NAME:
	case IF_DESCR:
		if (v->type == ASN_OCTET_STR)
			weir_snmp_text(v->val.string, v->val_len, i->name, sizeof(i->name));
		break;
	case IF_ALIAS:
		if (v->type == ASN_OCTET_STR)
			weir_snmp_text(v->val.string, v->val_len, i->alias, sizeof(i->alias));
		break;
	case IF_HIGH_SPEED:
		if (is_gauge(v))
			i->high_mbps = (uint32_t)*v->val.integer;
		break;
	case IF_SPEED:
		if (is_gauge(v))
			i->speed_bps = (uint32_t)*v->val.integer;
		break;
	case COLUMNS:
		break;
	}
}

/* Rows until the column ends. */
static enum { MORE, COLUMN_ENDS, NONSENSE } take_rows(struct asking *a)
{
	size_t len = COLUMN_LEN[a->column];
	bool any = false;

	for (const netsnmp_variable_list *v = a->pdu->variables; v; v = v->next_variable) {
		struct weir_snmp_interface *i;

		if (v->type == SNMP_ENDOFMIBVIEW || v->name_length != len + 1 ||
		    memcmp(v->name, COLUMN_OID[a->column], len * sizeof(*v->name)) != 0)
			return COLUMN_ENDS;
		if (v->name[len] <= a->last || v->name[len] > UINT32_MAX)
			return NONSENSE;
		a->last = (uint32_t)v->name[len];
		any = true;
		i = weir_snmp_interfaces_get(&a->interfaces, a->last, a->poller->options.interfaces_max);
		if (i)
			take_value(a, i, v);
		else if (a->column == IF_NAME)
			return COLUMN_ENDS; /* cut */
	}
	if (!any)
		return COLUMN_ENDS;
	return a->questions <= a->poller->options.interfaces_max ? MORE : COLUMN_ENDS;
}

static void take_system(struct asking *a)
{
	const netsnmp_variable_list *v = a->pdu->variables;

	if (v && v->type == ASN_OCTET_STR)
		weir_snmp_text(v->val.string, v->val_len, a->interfaces.system, sizeof(a->interfaces.system));
	ask_column(a, IF_NAME);
}

static void take_engine(struct asking *a)
{
	netsnmp_session *s = snmp_sess_session(a->session);

	if (!s->securityEngineIDLen)
		end(a, WEIR_SNMP_NONSENSE);
	else if (create_user_from_session(s) != SNMPERR_SUCCESS)
		end(a, WEIR_SNMP_LOCAL);
	else
		ask_system(a);
}

static void step(struct asking *a)
{
	if (a->fault != WEIR_SNMP_OK) {
		end(a, a->fault);
		return;
	}
	if (a->step == ASK_ENGINE) {
		take_engine(a);
		return;
	}
	if (!a->pdu) {
		end(a, WEIR_SNMP_NONSENSE);
		return;
	}
	if (a->pdu->errstat != SNMP_ERR_NOERROR) {
		end(a, WEIR_SNMP_REFUSED);
		return;
	}
	if (a->step == ASK_SYSTEM) {
		take_system(a);
	} else {
		switch (take_rows(a)) {
		case MORE:
			ask_rows(a);
			break;
		case COLUMN_ENDS:
			ask_column(a, a->column + 1);
			break;
		case NONSENSE:
			end(a, WEIR_SNMP_NONSENSE);
			break;
		}
	}
}

/* A step may fail at once, which is the next step's answer. */
static void take_steps(struct asking *a)
{
	while (a->step != IDLE && a->answered) {
		netsnmp_pdu *pdu = a->pdu;

		step(a);
		if (a->pdu == pdu) {
			snmp_free_pdu(a->pdu);
			a->pdu = NULL;
		}
	}
}

/* --- sessions --------------------------------------------------------------------------------------------- */

static bool make_keys(const struct weir_snmp_target *t, netsnmp_session *s)
{
	s->securityAuthProto = snmp_duplicate_objid(AUTHS[t->auth].protocol, AUTHS[t->auth].len);
	s->securityAuthProtoLen = AUTHS[t->auth].len;
	s->securityAuthKeyLen = USM_AUTH_KU_LEN;
	s->securityPrivProto = snmp_duplicate_objid(usmAESPrivProtocol, 10);
	s->securityPrivProtoLen = 10;
	s->securityPrivKeyLen = USM_PRIV_KU_LEN;
	return s->securityAuthProto && s->securityPrivProto &&
	       generate_Ku(s->securityAuthProto, (u_int)s->securityAuthProtoLen, (const u_char *)t->secret.text, t->secret.len,
			   s->securityAuthKey, &s->securityAuthKeyLen) == SNMPERR_SUCCESS &&
	       generate_Ku(s->securityAuthProto, (u_int)s->securityAuthProtoLen, (const u_char *)t->privacy.text, t->privacy.len,
			   s->securityPrivKey, &s->securityPrivKeyLen) == SNMPERR_SUCCESS;
}

static void peer_name(const struct weir_addr *exporter, uint16_t port, char *ret_text, size_t size)
{
	char addr[WEIR_ADDR_TEXT_MAX];
	bool v4 = weir_addr_is_v4(exporter);

	(void)weir_addr_text(exporter, addr);
	(void)snprintf(ret_text, size, v4 ? "udp:%s:%u" : "udp6:[%s]:%u", addr, port);
}

/* The library copies all of it. */
static bool open_session(struct asking *a, const struct weir_snmp_target *t)
{
	const struct weir_snmp_poller_options *o = &a->poller->options;
	char peer[WEIR_ADDR_TEXT_MAX + 16];
	char text[WEIR_SECRET_MAX + 1];
	netsnmp_session s;
	bool good = true;

	snmp_sess_init(&s);
	peer_name(&a->exporter, t->port, peer, sizeof(peer));
	s.peername = peer;
	s.retries = (int)o->retries;
	s.timeout = (long)o->timeout_ms * 1000;
	s.callback = on_answer;
	s.callback_magic = a;
	if (t->v3) {
		s.version = SNMP_VERSION_3;
		s.flags |= SNMP_FLAGS_DONT_PROBE;
		s.securityModel = SNMP_SEC_MODEL_USM;
		s.securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
		(void)snprintf(text, sizeof(text), "%s", t->user);
		s.securityName = text;
		s.securityNameLen = strlen(text);
		good = make_keys(t, &s);
	} else {
		s.version = SNMP_VERSION_2c;
		memcpy(text, t->secret.text, sizeof(text));
		s.community = (u_char *)text;
		s.community_len = t->secret.len;
	}
	a->session = good ? snmp_sess_open(&s) : NULL;
	free(s.securityAuthProto);
	free(s.securityPrivProto);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(&s, sizeof(s));
	return a->session != NULL;
}

bool weir_snmp_poller_start(struct weir_snmp_poller *poller, const struct weir_addr *exporter, const struct weir_snmp_target *target)
{
	struct asking *a = poller->asking;

	if (poller->busy == WEIR_SNMP_SESSIONS_MAX)
		return false;
	while (a->step != IDLE)
		a++;
	a->exporter = *exporter;
	a->v3 = target->v3;
	a->answered = false;
	a->step = OPENING;
	poller->busy++;
	if (!open_session(a, target)) {
		end(a, WEIR_SNMP_LOCAL);
		return true;
	}
	if (a->v3)
		ask_engine(a);
	else
		ask_system(a);
	take_steps(a);
	return true;
}

int weir_snmp_poller_new(const struct weir_snmp_poller_options *options, struct weir_snmp_poller **ret_poller)
{
	struct weir_snmp_poller *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->options = *options;
	for (unsigned i = 0; i < WEIR_SNMP_SESSIONS_MAX; i++)
		p->asking[i].poller = p;
	start_library();
	*ret_poller = p;
	return 0;
}

void weir_snmp_poller_free(struct weir_snmp_poller *poller)
{
	if (!poller)
		return;
	for (unsigned i = 0; i < WEIR_SNMP_SESSIONS_MAX; i++) {
		struct asking *a = &poller->asking[i];

		snmp_free_pdu(a->pdu);
		if (a->session) {
			forget_engine(a);
			(void)snmp_sess_close(a->session);
		}
		weir_snmp_interfaces_done(&a->interfaces);
	}
	snmp_shutdown("weir");
	free(poller);
}

/* --- waiting ---------------------------------------------------------------------------------------------- */

static void read_session(const struct asking *a)
{
	netsnmp_large_fd_set fds;
	int fd = snmp_sess_transport(a->session)->sock;

	netsnmp_large_fd_set_init(&fds, fd + 1);
	NETSNMP_LARGE_FD_ZERO(&fds);
	NETSNMP_LARGE_FD_SET(fd, &fds);
	(void)snmp_sess_read2(a->session, &fds);
	netsnmp_large_fd_set_cleanup(&fds);
}

void weir_snmp_poller_wait(struct weir_snmp_poller *poller, int fd, unsigned ms)
{
	struct pollfd fds[WEIR_SNMP_SESSIONS_MAX + 1] = {{.fd = fd, .events = POLLIN}};
	struct asking *of[WEIR_SNMP_SESSIONS_MAX + 1] = {NULL};
	nfds_t count = 1;

	for (unsigned i = 0; i < WEIR_SNMP_SESSIONS_MAX; i++) {
		struct asking *a = &poller->asking[i];

		if (a->step == IDLE)
			continue;
		of[count] = a;
		fds[count++] = (struct pollfd){.fd = snmp_sess_transport(a->session)->sock, .events = POLLIN};
	}
	if (poll(fds, count, (int)(count > 1 && ms > TICK_MS ? TICK_MS : ms)) < 0)
		return;
	for (nfds_t i = 1; i < count; i++) {
		if (fds[i].revents)
			read_session(of[i]);
		if (!of[i]->answered)
			snmp_sess_timeout(of[i]->session);
		take_steps(of[i]);
	}
}

unsigned weir_snmp_poller_busy(const struct weir_snmp_poller *poller)
{
	return poller->busy;
}

uint64_t weir_snmp_poller_requests(const struct weir_snmp_poller *poller)
{
	return poller->requests;
}
