// What the pages gain when scripts run. Every form and list works without this file.
"use strict";
(() => {
  const typing = (el) => el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !typing(document.activeElement) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
    if (event.key === "Escape") {
      document.querySelectorAll("details.drop[open], .thumb details[open]").forEach((d) => { d.open = false; });
      if (typing(document.activeElement)) document.activeElement.blur();
    }
  });
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.drop[open], .thumb details[open]").forEach((d) => {
      if (!d.contains(event.target)) d.open = false;
    });
  });

  // A filter applies as soon as it is chosen; the button is for browsers without script.
  document.querySelectorAll("[data-without-script]").forEach((el) => { el.hidden = true; });

  // Ticked rows: the button says how many and what they cost. Amounts arrive as minor units, so sums are exact.
  const recount = (form) => {
    const ticks = [...form.querySelectorAll("input[data-tick]")];
    const on = ticks.filter((t) => t.checked);
    const all = form.querySelector("input[data-tick-all]");
    if (all) { all.checked = on.length === ticks.length; all.indeterminate = on.length > 0 && on.length < ticks.length; }
    form.querySelectorAll("input[data-tick-group]").forEach((g) => {
      const mine = ticks.filter((t) => t.dataset.group === g.dataset.tickGroup);
      const mineOn = mine.filter((t) => t.checked).length;
      g.checked = mineOn === mine.length; g.indeterminate = mineOn > 0 && mineOn < mine.length;
    });
    const currencies = new Set(on.map((t) => t.dataset.currency || ""));
    let money = "";
    if (currencies.size === 1 && !currencies.has("")) {
      const currency = [...currencies][0];
      const format = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency, currencyDisplay: "narrowSymbol", maximumFractionDigits: 0 });
      const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
      money = format.format(on.reduce((sum, t) => sum + Number(t.dataset.minor), 0) / 10 ** digits);
    }
    [...form.querySelectorAll("[data-tick-label]"), ...document.querySelectorAll(`[form="${form.id}"][data-tick-label]`)].forEach((button) => {
      button.dataset.labelNone ??= button.textContent;
      button.disabled = on.length === 0;
      if (!on.length) { button.textContent = button.dataset.labelNone; return; }
      const words = money && button.dataset.labelMoney ? button.dataset.labelMoney : button.dataset.tickLabel;
      button.textContent = words.replace("{n}", String(on.length)).replace("{money}", money);
    });
  };
  const watch = (root) => root.querySelectorAll("form[data-ticks]").forEach((form) => {
    if (form.dataset.watched) return;
    form.dataset.watched = "yes";
    form.addEventListener("change", (event) => {
      const el = event.target;
      if (el.matches("[data-tick-all]")) form.querySelectorAll("input[data-tick]").forEach((t) => { t.checked = el.checked; });
      if (el.matches("[data-tick-group]")) {
        form.querySelectorAll("input[data-tick]").forEach((t) => { if (t.dataset.group === el.dataset.tickGroup) t.checked = el.checked; });
      }
      recount(form);
    });
    recount(form);
  });

  // A chosen file is read into the field that is sent; spreadsheets in China save GB18030.
  document.querySelectorAll("input[data-file-into]").forEach((input) => input.addEventListener("change", async () => {
    if (!input.files.length) return;
    const bytes = await input.files[0].arrayBuffer();
    let text;
    try { text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); } catch { text = new TextDecoder("gb18030").decode(bytes); }
    document.getElementById(input.dataset.fileInto).value = text;
  }));

  // Charts: the library is fetched only when a page has one (or when a fragment brings one).
  const draw = (root) => {
    const boxes = root.querySelectorAll("[data-chart]");
    if (!boxes.length) return;
    const source = document.querySelector("meta[name=chart-scripts]").content.split(" ");
    const load = (src) => new Promise((done, failed) => {
      const found = document.querySelector(`script[src="${src}"]`);
      if (found && found.dataset.ready) { done(); return; }
      const script = found || document.createElement("script");
      script.addEventListener("load", () => { script.dataset.ready = "yes"; done(); });
      script.addEventListener("error", failed);
      if (!found) { script.src = src; document.head.append(script); }
    });
    source.reduce((before, src) => before.then(() => load(src)), Promise.resolve())
      .then(() => boxes.forEach((box) => window.holdfastCharts.draw(box)));
  };

  // Of a bar of tabs that is wider than the screen, the one that is open is shown.
  document.querySelectorAll(".tabs [aria-current]").forEach((tab) => {
    const bar = tab.parentElement;
    bar.scrollLeft += tab.getBoundingClientRect().left - bar.getBoundingClientRect().left - (bar.clientWidth - tab.offsetWidth) / 2;
  });

  watch(document);
  draw(document);
  document.addEventListener("htmx:after:swap", () => { watch(document); draw(document); });
})();
