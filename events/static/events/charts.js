// Draws the charts of the dashboards with Chart.js, in the colours of the theme in use.
"use strict";

(() => {
  const TONES = {
    light: { good: "#15803d", warn: "#d97706", bad: "#dc2626", muted: "#94a3b8", primary: "#0369a1", text: "#475569", grid: "#e2e8f0" },
    dark: { good: "#4ade80", warn: "#fbbf24", bad: "#f87171", muted: "#64748b", primary: "#38bdf8", text: "#cbd5e1", grid: "#334155" },
  };
  const charts = [];

  const theme = () => (document.documentElement.classList.contains("dark") ? TONES.dark : TONES.light);

  const number = (digits) => new Intl.NumberFormat("en-US", { maximumFractionDigits: digits });
  const UNITS = {
    count: (value) => number(0).format(value),
    money: (value) => number(Math.abs(value) < 100 ? 2 : 0).format(value),
    percent: (value) => `${number(1).format(value * 100)} %`,
    ms: (value) => (value < 1000 ? `${number(0).format(value)} ms` : `${number(1).format(value / 1000)} s`),
  };

  function dataset(line, spec, tones) {
    const bar = line.kind === "bar";
    const colour = tones[line.tone];
    const soft = line.unit !== spec.unit;
    return {
      type: bar ? "bar" : "line",
      label: line.label,
      data: line.values,
      yAxisID: soft ? "other" : "y",
      stack: bar && !soft ? "stack" : undefined,
      borderColor: colour,
      backgroundColor: soft ? `${colour}77` : colour,
      borderWidth: bar ? 0 : 2,
      borderDash: line.dashed ? [5, 4] : undefined,
      pointRadius: line.values.length > 40 ? 0 : 2,
      pointHoverRadius: 4,
      spanGaps: true,
      clip: 8,
      tension: 0.25,
      cubicInterpolationMode: "monotone",
      maxBarThickness: 28,
      order: bar ? 2 : 1,
    };
  }

  function axis(unit, tones, more = {}) {
    return {
      beginAtZero: true,
      border: { display: false },
      grid: { color: tones.grid, drawTicks: false },
      ticks: { color: tones.text, maxTicksLimit: 6, padding: 6, callback: UNITS[unit] },
      ...more,
    };
  }

  function options(spec, tones) {
    const other = spec.lines.find((line) => line.unit !== spec.unit);
    const scales = {
      x: {
        stacked: spec.lines.some((line) => line.kind === "bar" && line.unit === spec.unit),
        border: { color: tones.grid },
        grid: { display: false },
        ticks: { color: tones.text, maxRotation: 0, autoSkipPadding: 16 },
      },
      y: axis(spec.unit, tones, {
        stacked: spec.lines.some((line) => line.kind === "bar" && line.unit === spec.unit),
        ...(spec.unit === "percent" ? { max: 1 } : {}),
      }),
    };
    if (other) {
      scales.other = axis(other.unit, tones, { position: "right", grid: { display: false } });
    }
    return {
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: "index", intersect: false },
      scales,
      plugins: {
        legend: {
          align: "end",
          labels: { color: tones.text, boxWidth: 7, boxHeight: 7, usePointStyle: true, pointStyle: "circle" },
        },
        tooltip: {
          callbacks: {
            label: (item) => {
              const unit = spec.lines[item.datasetIndex].unit;
              return ` ${item.dataset.label}: ${UNITS[unit](item.parsed.y)}`;
            },
          },
        },
      },
    };
  }

  function draw(canvas) {
    const spec = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
    const tones = theme();
    return new Chart(canvas, {
      type: "bar",
      data: { labels: spec.labels, datasets: spec.lines.map((line) => dataset(line, spec, tones)) },
      options: options(spec, tones),
    });
  }

  function drawAll() {
    while (charts.length) charts.pop().destroy();
    document.querySelectorAll("canvas[data-chart]").forEach((canvas) => charts.push(draw(canvas)));
  }

  // A choice of flow or time zone shows at once, the days apart stay as they were chosen.
  function submitOnChoice(select) {
    select.addEventListener("change", () => {
      const query = new URLSearchParams(window.location.search);
      query.set(select.dataset.submit, select.value);
      if (!select.value) query.delete(select.dataset.submit);
      window.location.search = query.toString();
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    Chart.defaults.font.family = "Inter, sans-serif";
    Chart.defaults.font.size = 12;
    drawAll();
    document.querySelectorAll("select[data-submit]").forEach(submitOnChoice);
    let dark = document.documentElement.classList.contains("dark");
    new MutationObserver(() => {
      const now = document.documentElement.classList.contains("dark");
      if (now !== dark) {
        dark = now;
        drawAll();
      }
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  });
})();
