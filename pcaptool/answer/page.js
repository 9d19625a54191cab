"use strict";
(() => {
  const $ = (s, e = document) => e.querySelector(s), $$ = (s, e = document) => [...e.querySelectorAll(s)];
  const table = $("#x"), STEP = 100;
  const say = (n, one, many) => n.toLocaleString("en") + " " + (n == 1 ? one : many);

  /* a chart is one tab stop; the arrow keys walk along its bars */
  for (const g of $$("[data-roam]")) {
    const bars = $$("a", g), read = document.getElementById(g.dataset.roam), first = [...read.childNodes];
    bars.forEach((b, i) => {
      b.setAttribute("tabindex", i ? -1 : 0);
      const show = () => { read.textContent = b.getAttribute("aria-label"); };
      b.addEventListener("pointerenter", show);
      b.addEventListener("focus", show);
      b.addEventListener("pointerleave", () => { read.replaceChildren(...first); });
      b.addEventListener("keydown", e => {
        const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: bars.length - 1 }[e.key];
        if (to === undefined || !bars[to]) return;
        e.preventDefault();
        b.setAttribute("tabindex", -1); bars[to].setAttribute("tabindex", 0); bars[to].focus();
      });
    });
  }

  const copy = (text, button) => {
    const done = ok => { button.textContent = ok ? "Copied" : "Press Ctrl+C"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
    const select = () => { getSelection().selectAllChildren(button.previousElementSibling); done(false); };
    navigator.clipboard ? navigator.clipboard.writeText(text).then(() => done(true), select) : select();
  };
  document.addEventListener("click", e => {
    const b = e.target.closest("button[data-copy]");
    if (b) copy(b.previousElementSibling.textContent, b);
  });
  if (!table) return;

  /* what is shown: tokens (one per dimension, its first letter) and words, kept in the address so that Back works */
  const names = JSON.parse($("#names").textContent);
  const rows = $$("tbody[data-k]", table), days = $$("tbody.day", table);
  const count = $("#count"), chips = $("#chips"), q = $("#q"), more = $("#more");
  let on = new Map(), words = "", limit = STEP;
  const text = new Map();
  const words_of = r => { if (!text.has(r)) text.set(r, r.textContent.toLowerCase()); return text.get(r); };

  const apply = () => {
    const want = [...on.values()].map(t => " " + t + " "), w = words.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    const live = new Map();
    for (const r of rows) {
      const ok = want.every(t => r.dataset.k.includes(t)) && w.every(t => words_of(r).includes(t));
      if (ok) live.set(r.dataset.d, (live.get(r.dataset.d) || 0) + 1);
      r.hidden = !(ok && n++ < limit);
    }
    const seen = new Set(rows.filter(r => !r.hidden).map(r => r.dataset.d));
    for (const d of days) {
      const all = +d.dataset.n, k = live.get(d.dataset.d);
      d.hidden = !seen.has(d.dataset.d);
      $("span", d).textContent = k == all ? say(all, "connection", "connections") : `${k} of ${say(all, "connection", "connections")}`;
    }
    const shown = Math.min(n, limit);
    count.textContent = n == 0 ? "No connection matches." : shown < n ? `The first ${shown} of ${say(n, "connection", "connections")}` : n < rows.length ? `${n.toLocaleString("en")} of ${say(rows.length, "connection", "connections")}` : say(n, "connection", "connections");
    more.hidden = shown >= n;
    more.textContent = `Show ${Math.min(STEP * 2, n - shown)} more`;
    chips.replaceChildren(...[...on.values()].map(t => {
      const b = document.createElement("button");
      b.className = "chip on"; b.type = "button"; b.dataset.k = t; b.textContent = names[t] + " ✕";
      b.setAttribute("aria-label", "Remove the filter " + names[t]);
      return b;
    }));
    for (const a of $$("button.chip[data-k]:not(.on)")) a.hidden = on.get(a.dataset.k[0]) == a.dataset.k;
    $("#clear").hidden = !on.size && !words;
  };
  const read_hash = () => {
    const h = new URLSearchParams(location.hash.slice(1));
    on = new Map((h.get("f") || "").split(/[ +]/).filter(t => Object.hasOwn(names, t)).map(t => [t[0], t]));
    words = h.get("q") || ""; q.value = words; limit = STEP; apply();
  };
  const write_hash = push => {
    const h = [];
    if (on.size) h.push("f=" + [...on.values()].join("+"));
    if (words) h.push("q=" + encodeURIComponent(words));
    history[push ? "pushState" : "replaceState"](null, "", "#" + (h.join("&") || "list"));
    limit = STEP; apply();
  };
  addEventListener("popstate", () => { if (/^(#list|#[fq]=.*)?$/.test(location.hash)) read_hash(); });
  document.addEventListener("click", e => {
    const a = e.target.closest("[data-k]:not(tbody)");
    if (!a) return;
    e.preventDefault();
    const far = !table.parentNode.contains(a) && !chips.parentNode.parentNode.contains(a);
    if (far) on.clear();
    for (const t of a.dataset.k.split(" ")) on.get(t[0]) == t && !far ? on.delete(t[0]) : on.set(t[0], t);
    write_hash(true);
    if (far) { $("#list").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion:reduce)").matches ? "auto" : "smooth" }); $("#list h2").focus({ preventScroll: true }); }
  });
  let timer;
  q.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => { words = q.value; write_hash(false); }, 120); });
  q.addEventListener("keydown", e => { if (e.key == "Escape") { words = q.value = ""; write_hash(false); } });
  $("#clear").addEventListener("click", () => { on.clear(); words = ""; q.value = ""; write_hash(true); q.focus(); });
  more.addEventListener("click", () => { limit += STEP * 2; apply(); });
  addEventListener("keydown", e => { if (e.key == "/" && !/INPUT|TEXTAREA/.test(e.target.tagName)) { e.preventDefault(); q.focus(); } });

  /* a row opens: the whole row by pointer, its button by keyboard */
  table.addEventListener("click", e => {
    const th = e.target.closest("th[aria-sort]");
    if (th) return sort(th);
    const r = e.target.closest("tr.r");
    if (!r || e.target.closest("a") || String(getSelection())) return;
    const b = $("button", r), d = r.nextElementSibling, open = d.classList.toggle("open");
    b.setAttribute("aria-expanded", open);
    const c = $(".cp", d);
    if (open && c && !$("button", c)) {
      const k = document.createElement("button");
      k.type = "button"; k.className = "b"; k.dataset.copy = ""; k.textContent = "Copy"; c.append(k);
    }
  });

  /* order: time with headings of days, or a column */
  const in_order = [...table.tBodies];
  const sort = th => {
    const was = th.getAttribute("aria-sort"), dir = was == "ascending" ? "descending" : "ascending", key = th.dataset.s;
    for (const t of $$("th[aria-sort]", table)) t.setAttribute("aria-sort", "none");
    th.setAttribute("aria-sort", dir);
    const plain = key == "t" && dir == "ascending";
    table.classList.toggle("sorted", !plain);
    const s = dir == "ascending" ? 1 : -1, val = new Map(rows.map(r => [r, key == "t" ? +r.dataset.t : key == "r" ? +r.dataset.r : $("td[data-c=" + key + "]", r).textContent.toLowerCase()]));
    rows.sort((a, b) => { const x = val.get(a), y = val.get(b); return (x < y ? -1 : x > y ? 1 : a.dataset.t - b.dataset.t) * s; });
    table.append(...(plain ? in_order : rows));
    apply();
  };
  read_hash();
})();
