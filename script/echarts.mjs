// The parts of ECharts that our charts use, bundled by script/assets.mjs: half the size of the whole library.
import { BarChart, GaugeChart, HeatmapChart, LineChart, RadarChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, LegendScrollComponent, MarkLineComponent, RadarComponent, TooltipComponent, VisualMapContinuousComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

use([
  BarChart, GaugeChart, HeatmapChart, LineChart, RadarChart, ScatterChart, GridComponent, LegendComponent, LegendScrollComponent,
  MarkLineComponent, RadarComponent, TooltipComponent, VisualMapContinuousComponent, LabelLayout, CanvasRenderer,
]);
window.echarts = { init };
