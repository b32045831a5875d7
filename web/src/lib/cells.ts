/* Values of the API as text, and as tests of the filter language. What kind a column has comes from the column table. */
import type { Cell, Kind } from './api';
import { columns } from './columns.svelte';
import { momentFine, parseTime } from './time';
import { amount, duration, share, text } from './units';

const FLAGS = 'FSRPAUEC';
const SERVICES: Record<number, string> = {
	20: 'ftp-data', 21: 'ftp', 22: 'ssh', 23: 'telnet', 25: 'smtp', 53: 'dns', 67: 'dhcp', 80: 'http', 110: 'pop3', 123: 'ntp', 143: 'imap', 161: 'snmp',
	179: 'bgp', 389: 'ldap', 443: 'https', 445: 'smb', 465: 'smtps', 514: 'syslog', 587: 'submission', 636: 'ldaps', 853: 'dns-tls', 993: 'imaps', 995: 'pop3s',
	1194: 'openvpn', 1433: 'mssql', 1521: 'oracle', 1883: 'mqtt', 2049: 'nfs', 2055: 'netflow', 3128: 'proxy', 3306: 'mysql', 3389: 'rdp', 4500: 'ipsec-nat',
	4739: 'ipfix', 5060: 'sip', 5432: 'postgresql', 5900: 'vnc', 6343: 'sflow', 6379: 'redis', 8080: 'http-alt', 8443: 'https-alt', 9200: 'elasticsearch',
	11211: 'memcached', 27017: 'mongodb', 51820: 'wireguard',
};
/* The well-known name of a port, or "". */
export const serviceName = (port: number): string => SERVICES[port] ?? '';

export function flagsText(value: number): string {
	if (!value) return '–';
	return [...FLAGS].map((letter, bit) => (value & (1 << bit) ? letter : '·')).reverse().join('');
}

function protoText(value: Cell): string {
	const name = columns.protocols[String(value)];
	return name ? name.toUpperCase() : String(value);
}

type Show = (value: Cell, name: string) => string;
const numeric = (show: (n: number) => string): Show => (value) => (value === null || value === '' ? '' : show(Number(value)));
const SHOW: Partial<Record<Kind, Show>> = {
	count: numeric((n) => text(n)),
	bytes: numeric((n) => text(n, 'B')),
	rate: (value, name) => (value === null ? '' : text(Number(value), name === 'bps' ? 'bit/s' : name === 'pps' ? 'packets/s' : '')),
	share: numeric(share),
	duration: numeric(duration),
	time: (value) => {
		const ms = parseTime(value);
		return Number.isFinite(ms) && ms > 0 ? momentFine(ms) : '–';
	},
	proto: protoText,
	flags: (value) => (typeof value === 'string' && !/^\d+$/.test(value) ? value : flagsText(Number(value))),
};

/* Numbers that stand for something. */
const BY_NAME: Record<string, (n: number) => string> = {
	initiator: (n) => ['not known', 'source', 'destination'][n] ?? String(n),
	initiator_confidence: (n) => `${n}\u202f%`,
	flow_end_reason: (n) => ['', 'idle', 'active timeout', 'end seen', 'forced', 'lack of resources'][n] || String(n),
	firewall_event: (n) => ['', 'created', 'deleted', 'denied', 'alert', 'update'][n] || String(n),
};

/* As it stands in tables. */
export function shown(name: string, value: Cell | undefined, kind: Kind = columns.kind(name)): string {
	if (value === null || value === undefined) return '';
	const by = BY_NAME[name];
	if (by) return by(Number(value));
	return SHOW[kind]?.(value, name) ?? String(value);
}

/* As a label that stands alone: an empty value has a word, a port its service. */
export function named(name: string, value: Cell | undefined): string {
	const base = name.split('/')[0]!;
	if (value === '' || value === null || value === undefined) return 'unknown';
	if (base === 'service_port' || base.endsWith('_port')) {
		if (base === 'service_port' && Number(value) === 0) return 'no service port';
		const service = serviceName(Number(value));
		return service ? `${value} ${service}` : String(value);
	}
	if (base === 'src_as' || base === 'dst_as') return Number(value) ? `AS${value}` : 'unknown AS';
	if (base === 'in_if' || base === 'out_if') return `if ${value}`;
	return shown(name, value) || 'none';
}

export const keyText = (names: string[], key: Cell[] | null): string =>
	key === null ? 'All others' : names.map((name, i) => named(name, key[i])).join(' → ');

/* The words that the filter language has for columns; other columns stand under their own names. */
const WORDS: Record<string, string> = {
	src_addr: 'src ip',
	dst_addr: 'dst ip',
	src_port: 'src port',
	dst_port: 'dst port',
	src_as: 'src as',
	dst_as: 'dst as',
	in_if: 'in if',
	out_if: 'out if',
	exporter_addr: 'exporter',
	proto: 'proto',
};
const TEXT_KINDS: Kind[] = ['text'];

/* "src ip 10.0.0.1": the flows with this value. */
export function test(name: string, value: Cell): string {
	const [base = name, bits] = name.split('/');
	const kind = columns.kind(base);
	const word = WORDS[base] ?? base;
	if (kind === 'addr' && bits && !String(value).includes('/')) return `${word} ${value}/${String(value).includes(':') ? (name.split('/')[2] ?? '64') : bits}`;
	if (kind === 'time') return `${base} = "${value}"`;
	if (kind === 'proto') return `proto ${columns.protocols[String(value)]?.toLowerCase() ?? value}`;
	if (TEXT_KINDS.includes(kind)) return `${word} = ${quoted(String(value))}`;
	return WORDS[base] ? `${word} ${value}` : `${base} = ${value}`;
}

export const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;

/* The flows of a series or a row with several dimensions. */
export const tests = (names: string[], key: Cell[]): string => names.map((name, i) => test(name, key[i] ?? '')).join(' and ');

export const isAddr = (name: string): boolean => columns.kind(name) === 'addr' && !name.includes('/');
export const bitsText = (bytes: number, seconds: number): string => amount((bytes * 8) / seconds, 'bit/s').text;
