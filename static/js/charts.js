// Charts drawn from the tables that stand in the page: <figure data-chart="bar"> with one <table>. The table is what screen
// readers, printers and pages without script get; every cell with a link opens its list from the chart too.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const english = document.documentElement.lang === "en";
  const format = (places = 2) => new Intl.NumberFormat(english ? "en" : "zh-Hans", { maximumFractionDigits: places });
  const number = format();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  // On the wall it is dark, and charts are drawn larger: the page's letters tell by how much.
  const dark = document.documentElement.dataset.theme === "dark";
  const [INK, SOFT, LINE, BLUE, ACCENT, PAPER, GRID, RULE] = dark
    ? ["#eaf2fb", "#a9bdd4", "#24405f", "#4aa3ec", "#ffb454", "#0c1f38", "#1a3350", "#3b5878"]
    : ["#1b2733", "#4d5a68", "#dfe4ea", "#1c5a9c", "#b35806", "#fff", "#eef1f4", "#c3ccd6"];
  // Okabe and Ito: told apart by every kind of colour vision.
  const COLOURS = dark ? ["#4aa3ec", "#f2b134", "#2fc79a", "#e79ac5", "#8fd3ff", "#ff8a4c", "#a5b0bd", "#e0d04b", "#a98be0", "#6fcf8f"] : ["#1c5a9c", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8f98", "#b8a100", "#5b3a8c", "#2b7a4b"];
  const RAMP = dark ? ["#16375c", "#1f5b93", "#3186c8", "#d0e9fb"] : ["#e4eef8", "#9ecae1", "#4292c6", "#084594"];
  const TONES = dark ? { poor: "#ff6b5f", pre: "#ff9d94", returned: "#ffc933", exited: "#3fbf78", other: "#8fa0b3" } : { poor: "#c8332b", pre: "#d9776f", returned: "#f0b400", exited: "#2b7a4b", other: "#9aa5b1" };
  const FONT = getComputedStyle(document.body).fontFamily;
  const drawn = new Map(); // figure → chart
  let library = null;

  // ECharts is fetched when the first chart comes into sight: the map does not wait for it.
  function echarts() {
    if (window.echarts) return Promise.resolve(window.echarts);
    library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = $("[data-echarts]").dataset.echarts;
      script.addEventListener("load", () => resolve(window.echarts));
      script.addEventListener("error", () => { library = null; script.remove(); reject(new Error("echarts")); });
      document.head.append(script);
    });
    return library;
  }

  // --- the table of a figure ---------------------------------------------------------------------------------------
  function read(figure) {
    const table = $("table", figure);
    const head = $$("thead th", table).slice(1);
    const cell = (td) => (td.dataset.v === undefined || td.dataset.v === "" ? null : Number(td.dataset.v));
    return {
      columns: head.map((th) => th.textContent.trim()),
      drawnColumns: head.map((th, place) => (th.hasAttribute("data-aside") ? -1 : place)).filter((place) => place >= 0),
      tones: head.map((th) => TONES[th.dataset.tone]),
      rows: $$("tbody tr", table).map((tr) => ({
        label: $("th", tr).textContent.trim(),
        tone: TONES[tr.dataset.tone],
        marked: tr.hasAttribute("data-marked"),
        cells: $$("td", tr).map(cell),
        links: $$("td", tr).map((td) => $("a", td)?.getAttribute("href") ?? ""),
      })),
      unit: figure.dataset.unit ?? "",
      data: figure.dataset,
    };
  }

  const words = (value, unit) => (value === null || value === undefined ? "—" : `${(unit === "%" ? format(1) : number).format(value)}${unit === "%" ? "%" : unit ? ` ${unit}` : ""}`);
  const axis = (more = {}) => ({ axisLine: { lineStyle: { color: RULE } }, axisTick: { show: false }, axisLabel: { color: SOFT, fontSize: 12, hideOverlap: true }, splitLine: { lineStyle: { color: GRID } }, ...more });
  const values = (unit, more = {}) => axis({ type: "value", name: unit, nameTextStyle: { color: SOFT, fontSize: 12, align: "left" }, nameGap: 10, axisLine: { show: false }, splitNumber: 4, axisLabel: { color: SOFT, fontSize: 12, formatter: short }, ...more });
  function short(value) {
    const size = Math.abs(value);
    if (!english && size >= 10000) return `${format(1).format(value / 10000)}万`;
    if (english && size >= 1000000) return `${format(1).format(value / 1000000)}m`;
    return number.format(value);
  }
  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  // --- one function a kind: (table) → option --------------------------------------------------------------------------
  const kinds = {
    line(t) {
      const second = t.data.second !== undefined ? Number(t.data.second) : -1; // the column with a scale of its own
      const exact = t.data.time === "year"; // uneven years stand at their true distance
      const series = t.drawnColumns.map((column, place) => ({
        type: "line", name: t.columns[column], connectNulls: exact, showSymbol: t.rows.length <= 24, symbolSize: 6, lineStyle: { width: 2.5 },
        yAxisIndex: column === second ? 1 : 0, color: COLOURS[place % COLOURS.length],
        data: t.rows.map((row, index) => ({ value: exact ? [Number(row.label), row.cells[column]] : row.cells[column], at: [index, column], symbol: row.marked ? "diamond" : "circle", symbolSize: row.marked ? 11 : 6 })),
        ...(place === 0 && t.data.target ? { markLine: line(Number(t.data.target), t.data.targetText) } : {}),
      }));
      return {
        xAxis: exact ? axis({ type: "value", min: "dataMin", max: "dataMax", axisLabel: { formatter: String, color: SOFT } }) : axis({ type: "category", data: t.rows.map((row) => row.label), boundaryGap: false }),
        yAxis: t.unit === "%" && second < 0 ? values("%", { scale: true, max: (span) => (span.max > 85 && span.max <= 100 ? 100 : null) }) : second >= 0 ? [values(t.unit), values(t.data.secondUnit, { position: "right", splitLine: { show: false } })] : values(t.unit, { scale: true }),
        series,
      };
    },
    bar(t) {
      const rows = [...t.rows].reverse(); // the first one at the top
      const column = t.drawnColumns[0];
      return {
        grid: { left: 8, right: 56, top: 8, bottom: 8, containLabel: true },
        xAxis: values("", { show: false }),
        yAxis: axis({ type: "category", data: rows.map((row) => row.label), axisLine: { show: false }, axisLabel: { color: INK, fontSize: 12, formatter: (text) => cut(text, 12), interval: 0 } }),
        series: [{ type: "bar", name: t.columns[column], barMaxWidth: 18, color: BLUE, label: { show: true, position: "right", color: INK, formatter: (one) => words(one.value, t.unit === "%" ? "%" : "") },
          data: rows.map((row, place) => ({ value: row.cells[column], at: [t.rows.length - 1 - place, column], itemStyle: { color: row.tone ?? (row.marked ? ACCENT : BLUE) } })) }],
      };
    },
    column(t) {
      const column = t.drawnColumns[0];
      return {
        xAxis: axis({ type: "category", data: t.rows.map((row) => row.label) }),
        yAxis: values(t.unit),
        series: [{ type: "bar", name: t.columns[column], barMaxWidth: 26, color: BLUE, data: t.rows.map((row, index) => ({ value: row.cells[column], at: [index, column] })) }],
      };
    },
    stack(t) {
      const lying = t.rows.length <= 20;
      const order = lying ? [...t.rows].reverse() : t.rows;
      const place = axis({ type: "category", data: order.map((row) => row.label), axisLabel: { color: INK, fontSize: 12, formatter: (text) => cut(text, 8), hideOverlap: true } });
      const scale = values(t.unit);
      const share = t.data.share !== undefined;
      const whole = order.map((row) => t.drawnColumns.reduce((sum, column) => sum + (row.cells[column] ?? 0), 0));
      return {
        legend: true,
        xAxis: lying ? { ...scale, name: "", ...(share ? { max: 100, axisLabel: { formatter: "{value}%", color: SOFT } } : {}) } : place,
        yAxis: lying ? place : scale,
        series: t.drawnColumns.map((column, index) => ({
          type: "bar", stack: "all", name: t.columns[column], barMaxWidth: 20, color: t.tones[column] ?? COLOURS[index % COLOURS.length],
          data: order.map((row, at) => ({ value: share && whole[at] ? (100 * (row.cells[column] ?? 0)) / whole[at] : row.cells[column], shown: row.cells[column], at: [lying ? t.rows.length - 1 - at : at, column] })),
        })),
      };
    },
    hist(t) {
      const column = t.drawnColumns[0];
      const mark = t.data.mark === undefined ? null : Number(t.data.mark); // place of the line among the bins, in bins
      return {
        grid: { left: 8, right: 16, top: 36, bottom: 8, containLabel: true },
        xAxis: [axis({ type: "category", data: t.rows.map((row) => row.label), axisLabel: { color: SOFT, fontSize: 11, hideOverlap: true } }), { type: "value", min: 0, max: t.rows.length, show: false }],
        yAxis: values(t.unit),
        series: [
          { type: "bar", name: t.columns[column], barCategoryGap: "4%", data: t.rows.map((row, index) => ({ value: row.cells[column], at: [index, column], itemStyle: { color: mark !== null && index + .5 < mark ? TONES.poor : dark ? BLUE : "#4292c6" } })) },
          ...(mark === null ? [] : [{ type: "line", xAxisIndex: 1, data: [], markLine: { symbol: "none", silent: true, lineStyle: { color: INK, width: 2, type: "dashed" }, label: { formatter: t.data.markText, color: INK, fontSize: 12, position: "end" }, data: [{ xAxis: mark }] } }]),
        ],
      };
    },
    scatter(t) {
      const most = Math.max(1, ...t.rows.map((row) => row.cells[2] ?? 0));
      const points = t.rows.map((row, index) => ({ name: row.label, value: [row.cells[0], row.cells[1]], at: [index, 1], symbolSize: t.columns.length > 2 ? 8 + 26 * Math.sqrt((row.cells[2] ?? 0) / most) : 12, itemStyle: { color: row.marked ? ACCENT : BLUE } })).filter((one) => one.value[0] !== null && one.value[1] !== null);
      return {
        grid: { left: 12, right: 24, top: 32, bottom: 30, containLabel: true },
        xAxis: values(t.columns[0], { scale: true, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: SOFT, fontSize: 12, align: "center" } }),
        yAxis: values(t.columns[1], { scale: true }),
        series: [{ type: "scatter", name: t.columns[1], data: points, ...(t.data.target ? { markLine: line(Number(t.data.target), t.data.targetText) } : {}), itemStyle: { opacity: .75, borderColor: PAPER, borderWidth: 1 }, ...(points.length <= 12 ? { label: { show: true, position: "top", color: INK, fontSize: 11, formatter: (one) => one.name }, labelLayout: { hideOverlap: true } } : {}) }],
        told: (t2, row) => t2.columns.map((name, place) => `${name} ${number.format(row.cells[place] ?? NaN)}`).join("\n"),
      };
    },
    radar(t) {
      const most = t.unit === "%" ? 100 : Math.max(1, ...t.rows.flatMap((row) => t.drawnColumns.map((column) => row.cells[column] ?? 0)));
      return {
        legend: t.drawnColumns.length > 1,
        radar: { center: ["50%", "53%"], radius: "60%", indicator: t.rows.map((row) => ({ name: cut(row.label, 8), max: most })), axisName: { color: INK, fontSize: 12 }, splitArea: { areaStyle: { color: dark ? [PAPER, "#102845"] : ["#fff", "#f8fafc"] } }, splitLine: { lineStyle: { color: LINE } }, axisLine: { lineStyle: { color: LINE } } },
        series: [{ type: "radar", symbolSize: 5, data: t.drawnColumns.map((column, place) => ({ name: t.columns[column], value: t.rows.map((row) => row.cells[column]), lineStyle: { width: 2.5, color: COLOURS[place] }, itemStyle: { color: COLOURS[place] }, areaStyle: { color: COLOURS[place], opacity: .15 } })) }],
        whole: true,
      };
    },
    funnel(t) {
      const column = t.drawnColumns[0];
      const most = Math.max(1, ...t.rows.map((row) => row.cells[column] ?? 0));
      const colours = mix(t.rows.length);
      // Bars that start where a middle line asks: their widths are true also for steps of zero.
      return {
        grid: { left: 8, right: 8, top: 4, bottom: 4, containLabel: true },
        xAxis: { type: "value", min: 0, max: most, show: false },
        yAxis: axis({ type: "category", inverse: true, data: t.rows.map((row) => row.label), axisLine: { show: false }, axisLabel: { color: INK, fontSize: 12, interval: 0, formatter: (text) => cut(text, 12) } }),
        series: [
          { type: "bar", stack: "all", silent: true, itemStyle: { color: "transparent" }, barCategoryGap: "12%", data: t.rows.map((row) => (most - (row.cells[column] ?? 0)) / 2) },
          { type: "bar", stack: "all", name: t.columns[column], data: t.rows.map((row, index) => ({ value: row.cells[column], at: [index, column], itemStyle: { color: colours[index] } })) },
          { type: "scatter", symbolSize: 1, silent: true, itemStyle: { opacity: 0 }, label: { show: true, position: "inside", color: INK, fontWeight: 600, fontSize: 12, textBorderColor: PAPER, textBorderWidth: 3, formatter: (one) => words(t.rows[one.dataIndex].cells[column], "") }, data: t.rows.map((_row, index) => [most / 2, index]) },
        ],
      };
    },
    pyramid(t) {
      const [left, right] = t.drawnColumns;
      const most = Math.max(1, ...t.rows.flatMap((row) => [row.cells[left] ?? 0, row.cells[right] ?? 0]));
      const side = (column, sign, colour) => ({ type: "bar", stack: "all", name: t.columns[column], color: colour, barCategoryGap: "8%", data: t.rows.map((row, index) => ({ value: sign * (row.cells[column] ?? 0), shown: row.cells[column], at: [index, column] })) });
      return {
        legend: true,
        grid: { left: 8, right: 12, top: 30, bottom: 4, containLabel: true },
        xAxis: values("", { min: -most, max: most, axisLabel: { color: SOFT, fontSize: 12, formatter: (value) => short(Math.abs(value)), hideOverlap: true } }),
        yAxis: axis({ type: "category", data: t.rows.map((row) => row.label), axisLabel: { color: INK, fontSize: 11, interval: 0, hideOverlap: false, formatter: (text, place) => (t.rows.length > 14 && place % 2 ? "" : text) } }),
        series: [side(left, -1, COLOURS[0]), side(right, 1, COLOURS[3])],
      };
    },
    heat(t) {
      const cells = t.rows.flatMap((row, y) => t.drawnColumns.map((column, x) => ({ value: [x, y, row.cells[column]], at: [y, column] })));
      const most = Math.max(1, ...cells.map((one) => one.value[2] ?? 0));
      return {
        grid: { left: 8, right: t.drawnColumns.length > 5 ? 46 : 8, top: 12, bottom: 8, containLabel: true },
        xAxis: axis({ type: "category", position: "top", data: t.drawnColumns.map((column) => t.columns[column]), axisLine: { show: false }, axisLabel: { color: INK, fontSize: 11, interval: 0, rotate: t.drawnColumns.length > 5 ? -42 : 0, formatter: (text) => cut(text, 8) } }),
        yAxis: axis({ type: "category", inverse: true, data: t.rows.map((row) => row.label), axisLine: { show: false }, axisLabel: { color: INK, fontSize: 11, interval: t.rows.length > 24 ? "auto" : 0, formatter: (text) => cut(text, 7) } }),
        visualMap: { show: false, min: 0, max: most, inRange: { color: RAMP } },
        series: [{ type: "heatmap", data: cells.filter((one) => one.value[2] !== null).map((one) => ({ ...one, label: { color: one.value[2] > .5 * most ? (dark ? "#071425" : "#fff") : INK } })), itemStyle: { borderColor: PAPER, borderWidth: 1 }, label: { show: t.drawnColumns.length <= 10 && t.rows.length <= 20, fontSize: 11, formatter: (one) => short(one.value[2]) } }],
      };
    },
    pareto(t) {
      const [column, whole] = t.drawnColumns;
      return {
        grid: { left: 8, right: 12, top: 34, bottom: 4, containLabel: true },
        legend: true,
        xAxis: axis({ type: "category", data: t.rows.map((row) => row.label), axisLabel: { color: INK, fontSize: 11, interval: t.rows.length > 14 ? "auto" : 0, rotate: t.rows.length > 4 ? 35 : 0, formatter: (text) => cut(text, 7) } }),
        yAxis: [values(""), values("%", { max: 100, interval: 25, splitLine: { show: false }, axisLabel: { formatter: "{value}", color: SOFT } })],
        series: [
          { type: "bar", name: t.columns[column], color: BLUE, barMaxWidth: 34, data: t.rows.map((row, index) => ({ value: row.cells[column], at: [index, column] })) },
          { type: "line", name: t.columns[whole], yAxisIndex: 1, color: ACCENT, symbolSize: 6, data: t.rows.map((row, index) => ({ value: row.cells[whole], at: [index, column] })), markLine: { symbol: "none", silent: true, label: { show: false }, lineStyle: { color: SOFT, type: "dotted" }, data: [{ yAxis: 80 }] } },
        ],
      };
    },
    gauge(t) {
      const most = Number(t.data.most ?? 100);
      const limits = (t.data.limits ?? "").split(",").filter(Boolean).map(Number);
      const low = t.data.good === "down";
      const colours = low ? [TONES.exited, TONES.returned, TONES.poor] : [TONES.poor, TONES.returned, TONES.exited];
      const bands = limits.length === 2 ? [[limits[0] / most, colours[0]], [limits[1] / most, colours[1]], [1, colours[2]]] : [[1, LINE]];
      return {
        series: [{ type: "gauge", min: 0, max: most, startAngle: 205, endAngle: -25, center: ["50%", "60%"], radius: "92%", splitNumber: 5, axisLine: { lineStyle: { width: 14, color: bands } }, axisTick: { show: false }, splitLine: { length: 14, lineStyle: { color: PAPER, width: 2 } }, axisLabel: { distance: 20, color: SOFT, fontSize: 11 },
          progress: { show: limits.length !== 2, width: 14, itemStyle: { color: BLUE } }, pointer: { width: 5, length: "62%", itemStyle: { color: INK } }, anchor: { show: true, size: 10, itemStyle: { color: INK } }, title: { show: false },
          detail: { formatter: (value) => words(value, t.unit === "%" ? "%" : ""), fontSize: 26, fontWeight: 600, color: INK, offsetCenter: [0, "62%"] }, data: [{ value: t.rows[0]?.cells[0] ?? null, at: [0, 0] }] }],
        whole: true,
      };
    },
  };
  const mix = (length) => Array.from({ length }, (_one, place) => ["#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#2c6cab", "#1c5a9c", "#15477c", "#0f3a68", "#0a2d54"][Math.min(9, Math.round((place * 9) / Math.max(1, length - 1)))]);
  const line = (at, text) => ({ symbol: "none", silent: true, lineStyle: { color: ACCENT, type: "dashed", width: 1.5 }, label: { formatter: text, color: ACCENT, position: "insideEndTop" }, data: [{ yAxis: at }] });

  function option(figure, told = read(figure)) {
    const made = kinds[figure.dataset.chart](told);
    const { legend, whole, told: own, ...rest } = made;
    return {
      animation: !calm,
      animationDuration: 300,
      animationDurationUpdate: 300,
      textStyle: { fontFamily: FONT, color: INK },
      aria: { enabled: false },
      grid: { left: 8, right: 16, top: rest.series.length > 1 && figure.dataset.chart === "line" ? 56 : legend ? 40 : 30, bottom: 6, containLabel: true },
      ...(legend || (rest.series.length > 1 && figure.dataset.chart === "line") ? { legend: { type: "scroll", top: 0, left: 0, itemWidth: 12, itemHeight: 10, textStyle: { color: INK, fontSize: 12 }, pageIconSize: 10 } } : {}),
      // Rich text: a tooltip of HTML would bring styles of its own, which the page's policy refuses.
      tooltip: {
        renderMode: "richText", trigger: "item", confine: true, backgroundColor: PAPER, borderColor: RULE, textStyle: { color: INK, fontSize: 13 },
        formatter: (one) => {
          if (whole) return [one.name || "", ...told.rows.map((row) => `${row.label}  ${words(row.cells[0], told.unit)}`)].filter(Boolean).join("\n");
          const at = one.data?.at;
          const row = told.rows[at?.[0] ?? one.dataIndex];
          if (!row) return "";
          if (own) return `${row.label}\n${own(told, row)}`;
          const name = told.columns[at?.[1] ?? 0];
          return `${row.label}\n${name}  ${words(row.cells[at?.[1] ?? 0], told.data.second !== undefined && Number(told.data.second) === at?.[1] ? told.data.secondUnit : told.unit)}`;
        },
      },
      ...rest,
    };
  }

  const scale = () => Number(getComputedStyle(document.documentElement).getPropertyValue("--chart-scale")) || 1;

  // --- drawing, when in sight -------------------------------------------------------------------------------------------
  // One chart at a time: between two of them the page answers.
  let turn = Promise.resolve();
  const apart = () => (turn = turn.then(() => new Promise((go) => { setTimeout(go); })));
  async function draw(figure) {
    const box = $(".chart-box", figure);
    if (!box || !$("tbody tr", figure)) return;
    let lib;
    try { lib = await echarts(); } catch { delete figure.dataset.waits; return; }
    await apart();
    if (!figure.isConnected || drawn.has(figure)) return;
    const told = read(figure);
        const chart = lib.init(box, null, { renderer: "canvas", ...(dark ? { devicePixelRatio: devicePixelRatio * scale() } : {}) });
    chart.setOption(option(figure, told));
    chart.on("click", (one) => {
      const [row, column] = one.data?.at ?? [one.dataIndex, 0];
      const link = told.rows[row]?.links[column] || told.rows[row]?.links.find(Boolean);
      if (link) location.assign(link);
    });
    chart.on("mousemove", (one) => { box.classList.toggle("chart-link", Boolean(told.rows[one.data?.at?.[0]]?.links.some(Boolean))); });
    drawn.set(figure, chart);
    figure.dataset.drawn = "1";
    sizes.observe(box);
  }
  const sight = new IntersectionObserver((found) => found.forEach((one) => {
    if (!one.isIntersecting) return;
    sight.unobserve(one.target);
    draw(one.target);
  }), { rootMargin: "200px" });
  const sizes = new ResizeObserver((found) => found.forEach((one) => drawn.get(one.target.closest("figure"))?.resize()));

  function start(root = document) {
    drawn.forEach((chart, figure) => { if (!figure.isConnected) { sizes.unobserve(chart.getDom()); chart.dispose(); drawn.delete(figure); } });
    $$("figure[data-chart]", root).forEach((figure) => {
      const box = $(".chart-box", figure);
      if (drawn.has(figure) || !box) return;
      figure.dataset.waits = "1"; // its table gives way to the chart that comes
      const rows = $$("tbody tr", figure).length;
      if (!dark && ["bar", "stack", "heat", "funnel"].includes(figure.dataset.chart)) box.style.height = `${Math.min(760, Math.max(180, rows * 26 + (figure.dataset.chart === "heat" ? 76 : 44)))}px`;
      sight.observe(figure);
    });
  }

  // --- as a picture: with title, unit, source and date in it ---------------------------------------------------------------
  async function picture(figure) {
    const lib = await echarts();
    const box = document.createElement("div");
    const width = 960, height = 600, foot = 34;
    const canvas = document.createElement("canvas");
    canvas.width = width * 2;
    canvas.height = height * 2;
    const chart = lib.init(box, null, { renderer: "canvas", width, height: height - 78 - foot, devicePixelRatio: 2 });
    chart.setOption({ ...option(figure), animation: false });
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, width, height);
    pen.drawImage(chart.renderToCanvas({ pixelRatio: 2, backgroundColor: "#fff" }), 0, 70, width, height - 78 - foot);
    pen.fillStyle = INK;
    pen.font = `600 20px ${FONT}`;
    pen.fillText($(".chart-title", figure).textContent.trim(), 16, 32, width - 32);
    pen.font = `14px ${FONT}`;
    pen.fillStyle = SOFT;
    pen.fillText($(".chart-sub", figure)?.textContent.replace(/\s+/g, " ").trim() ?? "", 16, 56, width - 32);
    pen.fillText($(".chart-foot", figure)?.textContent.replace(/\s+/g, " ").trim() ?? "", 16, height - 14, width - 32);
    chart.dispose();
    canvas.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${$(".chart-title", figure).textContent.trim()}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }, "image/png");
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-chart-png], [data-chart-table]");
    if (!button) return;
    const figure = button.closest("figure");
    if ("chartPng" in button.dataset) picture(figure);
    else {
      const on = figure.classList.toggle("chart-open");
      button.setAttribute("aria-pressed", String(on));
      drawn.get(figure)?.resize();
    }
  });
  document.addEventListener("htmx:afterSettle", () => start());
  document.addEventListener("htmx:historyRestore", () => start());
  start();
  window.charts = { start }; // for pages that build their figures themselves
})();
