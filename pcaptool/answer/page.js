"use strict";
(function () {
  var table = document.getElementById("exchanges");
  if (!table) return;
  var body = table.tBodies[0], rows = Array.from(body.rows);
  var find = document.querySelector(".find"), box = document.getElementById("search");
  var count = document.getElementById("count");
  var texts = new Map();

  function key(row, column) {
    var cell = row.cells[column];
    return cell.getAttribute("data-sort") || cell.textContent;
  }

  function sort(column, header) {
    var down = header.getAttribute("aria-sort") === "ascending";
    var numeric = header.classList.contains("n");
    Array.from(table.tHead.rows[0].cells).forEach(function (cell) { cell.removeAttribute("aria-sort"); });
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort(function (a, b) {
      var x = key(a, column), y = key(b, column);
      var order = numeric ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0;
      return down ? -order : order;
    });
    rows.forEach(function (row) { body.appendChild(row); });
  }

  Array.from(table.tHead.rows[0].cells).forEach(function (header, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = header.dataset.name = header.textContent;
    header.textContent = "";
    header.appendChild(button);
    button.addEventListener("click", function () { sort(column, header); });
  });

  function search() {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean), n = 0;
    rows.forEach(function (row) {
      if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
      var text = texts.get(row);
      row.hidden = !words.every(function (word) { return text.includes(word); });
      if (!row.hidden) n++;
    });
    count.textContent = n + " of " + rows.length + " shown";
  }

  function open() {
    var row = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    if (!row || row.parentNode !== body) return;
    row.hidden = false;
    var details = row.querySelector("details");
    if (details) details.open = true;
    (details || row).scrollIntoView({block: "center", inline: "nearest"});
  }

  /* What opens is wider than its column: it is brought into view. */
  function reveal(event) {
    var frame = table.parentNode.getBoundingClientRect(), over;
    if (!event.target.open) return;
    over = event.target.getBoundingClientRect().right - frame.right;
    if (over > 0) table.parentNode.scrollLeft += over;
  }

  table.addEventListener("toggle", reveal, true);
  find.hidden = false;
  box.addEventListener("input", search);
  window.addEventListener("hashchange", open);
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.data").forEach(function (d) { d.open = true; });
  });
  search();
  open();
})();
