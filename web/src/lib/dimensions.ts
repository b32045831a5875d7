/* What the overview ranks and draws by: a row each, in order; one whose columns this weir does not have is left out. */
import type { Cell } from './api';

export interface Ranking {
	title: string;
	by: string[];
	empty?: (values: Cell[]) => boolean; // says nothing: the exporters do not tell it
}

const unknown = (values: Cell[]): boolean => values.every((v) => v === 0 || v === '' || v === '0' || v === '::');

export const RANKINGS: Ranking[] = [
	{ title: 'Sources', by: ['src_addr'] },
	{ title: 'Destinations', by: ['dst_addr'] },
	{ title: 'Services', by: ['proto', 'service_port'] },
	{ title: 'Conversations', by: ['src_addr', 'dst_addr'] },
	{ title: 'Categories', by: ['category'], empty: unknown },
	{ title: 'Directions', by: ['traffic_direction'], empty: unknown },
	{ title: 'Source zones', by: ['src_zone'], empty: unknown },
	{ title: 'Destination zones', by: ['dst_zone'], empty: unknown },
	{ title: 'Source countries', by: ['src_country'], empty: unknown },
	{ title: 'Destination countries', by: ['dst_country'], empty: unknown },
	{ title: 'Source networks', by: ['src_addr/24'] },
	{ title: 'Source AS', by: ['src_as'], empty: unknown },
	{ title: 'Destination AS', by: ['dst_as'], empty: unknown },
	{ title: 'Applications', by: ['application_name'], empty: unknown },
	{ title: 'Exporters', by: ['exporter_addr'] },
	{ title: 'Input interfaces', by: ['exporter_addr', 'in_if'] },
];

/* What the overview's chart can be drawn by. */
export const CHART_BY = ['service_port', 'proto', 'service', 'category', 'traffic_direction', 'src_addr', 'dst_addr', 'exporter_addr', 'flow_type', 'src_zone', 'dst_zone', 'src_country', 'dst_country', 'src_as', 'dst_as', 'in_if', 'out_if', 'application_name'];
