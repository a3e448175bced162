// The pictures. Stock: past as a step line, future as a band, the reorder point, what is on its way, where it runs out.
// Deliveries: each a point. Demand: columns of what sold, was a one-off or was lost; then what is expected, and what planners said.
"use strict";
window.holdfastCharts = (() => {
  const drawn = new Map();

  // Tokens are light-dark() values; a probe element resolves them for the canvas.
  const colour = (name, alpha) => {
    const probe = document.createElement("span");
    probe.style.color = `var(--hf-${name})`;
    document.body.append(probe);
    const rgb = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).join(",");
    probe.remove();
    return alpha === undefined ? `rgb(${rgb})` : `rgba(${rgb},${alpha})`;
  };
  const narrow = () => window.matchMedia("(max-width: 760px)").matches;

  const stock = (facts) => {
    const soft = colour("soft"), ink = colour("ink"), blue = colour("blue"), bad = colour("bad"), accent = colour("accent");
    const words = facts.words, number = new Intl.NumberFormat(document.documentElement.lang);
    const day = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short", timeZone: "UTC" });
    const month = new Intl.DateTimeFormat(document.documentElement.lang, { month: "short", timeZone: "UTC" });
    const label = (color, position) => ({ show: true, color, position, fontSize: 12, textBorderColor: colour("card"), textBorderWidth: 3 });
    const series = [{
      name: words.stock, type: "line", step: "end", data: facts.past, symbol: "none", z: 3,
      lineStyle: { color: ink, width: 1.6 }, itemStyle: { color: ink }, areaStyle: { color: colour("ink", 0.05) },
      markLine: facts.reorder_point === null ? undefined : {
        symbol: "none", silent: true, lineStyle: { type: "dashed", color: colour("warn"), width: 1.2 },
        label: { color: soft, position: "insideEndTop", formatter: facts.words.reorder_point, fontSize: 12 },
        data: [{ yAxis: facts.reorder_point }],
      },
    }];
    if (facts.low.length) {
      const low = new Map(facts.low);
      series.push(
        { name: "low", type: "line", data: facts.low, symbol: "none", lineStyle: { opacity: 0 }, stack: "band", silent: true, tooltip: { show: false } },
        { name: "high", type: "line", data: facts.high.map(([t, v]) => [t, v - low.get(t)]), symbol: "none", lineStyle: { opacity: 0 }, areaStyle: { color: colour("blue", 0.14) }, stack: "band", silent: true, tooltip: { show: false } });
    }
    series.push({
      name: words.expected, type: "line", data: facts.expected, symbol: "none", z: 4,
      lineStyle: { color: blue, width: 1.6, type: [5, 4] }, itemStyle: { color: blue },
      markPoint: facts.runs_out === null ? undefined : {
        symbol: "circle", symbolSize: 9, itemStyle: { color: bad }, data: [{ coord: facts.runs_out }],
        label: { ...label(bad, "top"), formatter: words.runs_out },
      },
    });
    const isHigh = facts.reorder_point !== null
      && facts.reorder_point > Math.max(0, ...[facts.past, facts.high, facts.expected].flat().map((point) => point[1]));
    if (facts.inbound.length) {
      series.push({
        name: words.inbound, type: "scatter", symbol: "triangle", symbolSize: 11, z: 5, itemStyle: { color: accent },
        data: facts.inbound.map((i) => ({ value: [i.at, i.level], name: `+${number.format(i.quantity)} ${i.number}` })),
        label: { ...label(accent, "top"), formatter: (p) => narrow() ? p.name.split(" ")[0] : p.name }, labelLayout: { hideOverlap: true },
      });
    }
    return {
      animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      aria: { enabled: true, label: { description: facts.words.summary } },
      grid: { left: 4, right: 10, top: 18, bottom: 4, containLabel: true },
      xAxis: {
        type: "time", axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false }, splitNumber: narrow() ? 3 : 6,
        axisLabel: { color: soft, hideOverlap: true, formatter: (t) => new Date(t).getUTCDate() === 1 ? month.format(t) : day.format(t) },
      },
      yAxis: { type: "value", min: 0, minInterval: 1,
        // The reorder point belongs into the picture even when stock never reached it.
        max: isHigh ? facts.reorder_point * 1.06 : undefined, splitLine: { lineStyle: { color: colour("line-soft") } }, axisLabel: { color: soft, showMaxLabel: !isHigh, formatter: (v) => number.format(v) } },
      tooltip: {
        trigger: "axis", renderMode: "richText", backgroundColor: colour("card"), borderColor: colour("edge"), borderWidth: 1,
        textStyle: { color: ink, fontSize: 12.5 }, axisPointer: { lineStyle: { color: colour("edge") } },
        formatter: (points) => {
          const seen = points.filter((p) => p.seriesName !== "low" && p.seriesName !== "high");
          return [day.format(points[0].axisValue), ...seen.map((p) => `${p.data.name || p.seriesName}  ${number.format(Math.round(p.value[1]))}`)].join("\n");
        },
      },
      series,
    };
  };

  // Deliveries of a supplier: one point each, the promise and the learned interval as lines.
  const lead = (facts) => {
    const soft = colour("soft"), ink = colour("ink"), number = new Intl.NumberFormat(document.documentElement.lang);
    const day = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short", timeZone: "UTC" });
    const at = (value, name, color, type, position = "insideEndTop") => value === null ? [] : [{
      yAxis: value, lineStyle: { color, type, width: 1.3 },
      label: { color: soft, position, fontSize: 12, formatter: `${name} ${number.format(value)}` },
    }];
    return {
      animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      aria: { enabled: true, label: { description: facts.words.summary } },
      grid: { left: 4, right: 14, top: 18, bottom: 4, containLabel: true },
      xAxis: {
        type: "time", axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false }, splitNumber: narrow() ? 3 : 6, minInterval: 864e5,
        axisLabel: { color: soft, hideOverlap: true, formatter: (t) => day.format(t) },
      },
      yAxis: {
        type: "value", min: 0, max: Math.ceil(1.1 * Math.max(facts.promised, facts.high ?? 0, ...facts.points.map((p) => p[1]))),
        splitLine: { lineStyle: { color: colour("line-soft") } }, axisLabel: { color: soft, formatter: (v) => number.format(v) },
      },
      tooltip: {
        trigger: "item", renderMode: "richText", backgroundColor: colour("card"), borderColor: colour("edge"), borderWidth: 1,
        textStyle: { color: ink, fontSize: 12.5 },
        formatter: (p) => `${p.value[2]}  ${day.format(p.value[0])}\n${number.format(p.value[1])} ${facts.words.delivery}`,
      },
      series: [{
        type: "scatter", data: facts.points, symbolSize: 8, itemStyle: { color: colour("bar") },
        markLine: {
          symbol: "none", silent: true,
          data: [...at(facts.promised, facts.words.promised, colour("warn"), "dashed", "insideStartTop"), ...at(facts.low, facts.words.low, colour("blue"), "dotted", "insideEndBottom"), ...at(facts.high, facts.words.high, colour("blue"), "dotted")],
        },
      }],
    };
  };

  const demand = (facts) => {
    const soft = colour("soft"), ink = colour("ink"), blue = colour("blue"), words = facts.words;
    const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
    const day = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short", timeZone: "UTC" });
    const column = (name, data, itemStyle) => ({ name, type: "bar", stack: "sold", data, itemStyle, barCategoryGap: "22%" });
    const line = (data, more) => ({ type: "line", data, symbol: "none", step: "middle", ...more });
    // One order of a school must not flatten a year: what is far above all else is cut off, with its figure at the cut.
    const usual = Math.max(1, ...facts.ordinary.map((v, n) => v + facts.lost[n]), ...facts.high, ...facts.planned);
    const top = Math.max(...facts.ordinary.map((v, n) => v + facts.one_off[n] + facts.lost[n])) > 3 * usual ? 2 * usual : undefined;
    const series = [
      column(words.ordinary, facts.ordinary, { color: colour("bar") }),
      column(words.one_off, facts.one_off, { color: colour("warn") }),
      column(words.lost, facts.lost.map((v) => v || null), { color: colour("bad", 0.16), borderColor: colour("bad"), borderType: "dashed", borderWidth: 1 }),
    ];
    if (facts.expected.length) {
      const hidden = { lineStyle: { opacity: 0 }, stack: "band", silent: true };
      series.push(
        line(facts.low, { name: "low", ...hidden }),
        line(facts.high.map((v, n) => v === null ? null : v - facts.low[n]), { name: "high", ...hidden, areaStyle: { color: colour("blue", 0.16) } }),
        line(facts.middle, { name: "middle", silent: true, lineStyle: { color: blue, width: 1, opacity: 0.55 } }),
        line(facts.expected, { name: words.expected, z: 4, lineStyle: { color: blue, width: 1.8, type: [5, 4] }, itemStyle: { color: blue },
          markLine: { symbol: "none", silent: true, lineStyle: { color: colour("edge"), type: "solid", width: 1 },
            label: { color: soft, formatter: words.today, fontSize: 12 }, data: [{ xAxis: facts.past }] } }));
    }
    if (facts.planned.length) series.push(line(facts.planned, { name: words.planned, z: 5, lineStyle: { color: ink, width: 2.4 }, itemStyle: { color: ink } }));
    if (top) {
      series.push({ type: "scatter", symbolSize: 0.1, silent: true, z: 6, itemStyle: { color: colour("warn") },
        data: facts.one_off.map((v, n) => [n, v]).filter(([n, v]) => v + facts.ordinary[n] > top).map(([n, v]) => ({ value: [n, top], units: v })),
        label: { show: true, position: "left", color: ink, fontSize: 12, formatter: (p) => `${number.format(p.data.units)} ↑` }, labelLayout: { hideOverlap: true } });
    }
    const said = (n) => {
      const parts = n < facts.past
        ? [[words.ordinary, facts.ordinary[n]], [words.one_off, facts.one_off[n]], [words.lost, facts.lost[n]]].filter(([, v], k) => v || k === 0)
        : [[words.expected, facts.expected[n]], [words.planned, facts.planned[n]], [words.middle, facts.middle[n]]].filter(([, v]) => v !== null && v !== undefined);
      const rows = parts.map(([name, value]) => `${name}  ${number.format(value)}`);
      if (n >= facts.past && facts.high.length) rows.push(`${words.band}  ${number.format(facts.low[n])} – ${number.format(facts.high[n])}`);
      return [words.week_of.replace("{day}", day.format(facts.starts[n])), ...rows].join("\n");
    };
    return {
      animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      aria: { enabled: true, label: { description: words.summary } },
      grid: { left: 4, right: 10, top: 22, bottom: 4, containLabel: true },
      xAxis: { type: "category", data: facts.starts, axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false },
        axisLabel: { color: soft, hideOverlap: true, formatter: (t) => day.format(Number(t)) } },
      yAxis: { type: "value", min: 0, max: top, splitLine: { lineStyle: { color: colour("line-soft") } }, axisLabel: { color: soft, showMaxLabel: !top, formatter: (v) => number.format(v) } },
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: colour("edge"), borderWidth: 1,
        textStyle: { color: ink, fontSize: 12.5 }, axisPointer: { type: "line", lineStyle: { color: colour("edge") } },
        formatter: (points) => said(points[0].dataIndex) },
      series,
    };
  };

  const draw = (box) => {
    const facts = JSON.parse(document.getElementById(box.dataset.chart).textContent);
    drawn.get(box)?.dispose();
    const chart = window.echarts.init(box);
    chart.setOption({ lead, demand }[facts.kind]?.(facts) ?? stock(facts));
    drawn.set(box, chart);
  };
  const again = () => [...drawn.keys()].forEach((box) => { if (box.isConnected) draw(box); else { drawn.get(box).dispose(); drawn.delete(box); } });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let waiting;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(again, 150); });
  return { draw };
})();
