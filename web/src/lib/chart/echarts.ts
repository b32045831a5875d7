/* The parts of ECharts that the page draws with, and no others: the rest stays out of the bundle. */
import { GraphChart, HeatmapChart, LineChart, SankeyChart } from 'echarts/charts';
import { AriaComponent, GridComponent, MarkAreaComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

echarts.use([
	LineChart,
	HeatmapChart,
	SankeyChart,
	GraphChart,
	GridComponent,
	TooltipComponent,
	VisualMapComponent,
	MarkAreaComponent,
	AriaComponent,
	CanvasRenderer,
]);

export { echarts };
export type { EChartsType } from 'echarts/core';
