/* What can be asked about: the column table, as the server has it, once a visit. */
import { api, type ColumnInfo, type Columns, type Kind } from './api';

class ColumnTable {
	#all = $state.raw<Columns>({ columns: [], metrics: [] } as unknown as Columns);
	#byName = new Map<string, ColumnInfo>();
	ready = $state(false);

	async load(): Promise<void> {
		const columns = await api.columns();
		this.#byName = new Map(columns.columns.map((c) => [c.name, c]));
		this.#all = columns;
		this.ready = true;
	}
	get list(): ColumnInfo[] {
		return this.#all.columns;
	}
	get defaults(): string[] {
		return this.#all.default_columns ?? [];
	}
	get protocols(): Record<string, string> {
		return (this.#all.protocols ?? {}) as Record<string, string>;
	}
	/* A dimension may be cut to a prefix: src_addr/24. */
	get(name: string): ColumnInfo | undefined {
		return this.ready ? this.#byName.get(name.split('/')[0]!) : undefined;
	}
	kind(name: string): Kind {
		return this.get(name)?.kind ?? 'text';
	}
	has(name: string): boolean {
		return this.get(name) !== undefined;
	}
}

export const columns = new ColumnTable();

/* Names for people; what is not here reads well enough with its blanks. */
const LABELS: Record<string, string> = {
	src_addr: 'Source',
	dst_addr: 'Destination',
	src_port: 'Src port',
	dst_port: 'Dst port',
	proto: 'Protocol',
	service_port: 'Service port',
	exporter_addr: 'Exporter',
	time_received: 'Received',
	time_start: 'Start',
	time_end: 'End',
	src_as: 'Source AS',
	dst_as: 'Destination AS',
	in_if: 'Input interface',
	out_if: 'Output interface',
	flow_type: 'Export protocol',
	tcp_flags: 'TCP flags',
	application_name: 'Application',
	user_name: 'User',
	src_country: 'Source country',
	dst_country: 'Destination country',
	src_as_name: 'Source AS name',
	dst_as_name: 'Destination AS name',
	src_zone: 'Source zone',
	dst_zone: 'Destination zone',
};
const WORDS: Record<string, string> = {
	addr: 'address', if: 'interface', src: 'source', dst: 'destination', num: 'number', id: 'ID', ip: 'IP', ipv6: 'IPv6', tcp: 'TCP', icmp: 'ICMP', mac: 'MAC', as: 'AS',
	vlan: 'VLAN', vrf: 'VRF', bgp: 'BGP', nat: 'NAT', mpls: 'MPLS', vni: 'VNI', ttl: 'TTL', tos: 'TOS', bps: 'bits/s', pps: 'packets/s', bpp: 'bytes a packet',
};
export function label(name: string): string {
	const [base, ...prefix] = name.split('/');
	const known = LABELS[base!];
	const words = known ?? base!.split('_').map((w) => WORDS[w] ?? w).join(' ');
	const text = words.charAt(0).toUpperCase() + words.slice(1);
	return prefix.length ? `${text} /${prefix.join('/')}` : text;
}
