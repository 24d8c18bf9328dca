// The latent map: points of several modalities that glide from frame to frame while a model learns.
// One core, two hosts: a Jupyter widget (default export) and a Gradio page (latent_map.py mounts it there).
//
// A host is {get(key), set(key, value), on(key, callback)} with the keys
//   data      what is drawn: see payload() in latent_map.py
//   position  the frame shown; 1.5 lies halfway between frames 1 and 2
//   query     null or {x, y, caption, near: [points]}: where a new embedding lands on the last frame
//   selected  number of the point that was clicked, -1 for none

const SHAPES = {
  "o": (c, r) => c.arc(0, 0, r, 0, 7),
  "^": (c, r) => polygon(c, [[0, -1.2 * r], [1.1 * r, 0.8 * r], [-1.1 * r, 0.8 * r]]),
  "s": (c, r) => c.rect(-0.85 * r, -0.85 * r, 1.7 * r, 1.7 * r),
  "D": (c, r) => polygon(c, [[0, -1.2 * r], [1.2 * r, 0], [0, 1.2 * r], [-1.2 * r, 0]]),
  "P": (c, r) => { c.rect(-1.2 * r, -0.4 * r, 2.4 * r, 0.8 * r); c.rect(-0.4 * r, -1.2 * r, 0.8 * r, 2.4 * r); },
  "v": (c, r) => turned(c, Math.PI, SHAPES["^"], r),
  "<": (c, r) => turned(c, -Math.PI / 2, SHAPES["^"], r),
  ">": (c, r) => turned(c, Math.PI / 2, SHAPES["^"], r),
  "X": (c, r) => turned(c, Math.PI / 4, SHAPES["P"], r),
  "h": (c, r) => polygon(c, Array.from({ length: 6 }, (_, k) => [1.2 * r * Math.sin((k * Math.PI) / 3), 1.2 * r * Math.cos((k * Math.PI) / 3)])),
  "*": (c, r) => polygon(c, Array.from({ length: 10 }, (_, k) => {
    const [radius, angle] = [k % 2 ? 0.8 * r : 1.9 * r, (k * Math.PI) / 5];
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  })),
};

function polygon(c, corners) {
  corners.forEach(([x, y], k) => (k ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.closePath();
}

function turned(c, angle, shape, r) {
  c.rotate(angle);
  shape(c, r);
  c.rotate(-angle);
}

function marker(c, shape, x, y, r, fill, edge) {
  c.save();
  c.translate(x, y);
  c.beginPath();
  SHAPES[shape](c, r);
  c.lineWidth = 1;
  c.strokeStyle = edge;
  c.stroke();
  c.fillStyle = fill;
  c.fill();
  c.restore();
}

function make(tag, parent, attributes = {}) {
  const node = document.createElement(tag);
  Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
  parent.append(node);
  return node;
}

export function mount(element, host) {
  let data = host.get("data"), position = host.get("position");
  let hover = -1, playing = 0, drag = null;
  let zoom = 1, centre = [0, 0];

  const root = make("div", element, { class: "latent-map" });
  const canvas = make("canvas", root, { tabindex: 0, role: "application" });
  const card = make("div", root, { class: "card", hidden: "" });
  const time = make("div", root, { class: "bar" });
  const play = make("button", time, { type: "button", class: "play" });
  const scrub = make("input", time, { type: "range", min: 0, step: 0.01, "aria-label": "moment of training" });
  const title = make("output", time);
  const bar = make("div", root, { class: "bar" });
  const spoken = make("div", root, { class: "unseen", "aria-live": "polite" });
  const pen = canvas.getContext("2d");

  // --- geometry: the map lies in [-1, 1]², y up
  const last = () => data.frames.length - 1;
  const size = () => [canvas.clientWidth, canvas.clientHeight];
  const unit = () => (Math.min(...size()) / 2.12) * zoom;
  const toScreen = ([x, y]) => [size()[0] / 2 + (x - centre[0]) * unit(), size()[1] / 2 - (y - centre[1]) * unit()];
  const toMap = ([x, y]) => [(x - size()[0] / 2) / unit() + centre[0], (size()[1] / 2 - y) / unit() + centre[1]];
  function place(n) {
    const before = Math.min(Math.floor(position), last()), t = position - before;
    const a = data.frames[before], b = data.frames[Math.min(before + 1, last())];
    return [a[2 * n] * (1 - t) + b[2 * n] * t, a[2 * n + 1] * (1 - t) + b[2 * n + 1] * t];
  }
  const theme = () => { const style = getComputedStyle(root); return [style.color, style.backgroundColor]; };
  const colourOf = (look) => (look.colour === "#000000" ? theme()[0] : look.colour); // black turns white on a dark page
  const partners = (n) => data.members[data.pair[n]].filter((other) => other !== n);

  function draw() {
    const [width, height] = size(), dense = window.devicePixelRatio || 1;
    if (!width) return;
    if (canvas.width !== Math.round(width * dense)) canvas.width = Math.round(width * dense);
    if (canvas.height !== Math.round(height * dense)) canvas.height = Math.round(height * dense);
    const [ink, paper] = theme();
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, height);
    const spots = data.kind.map((_, n) => toScreen(place(n)));
    const line = (a, b) => { pen.beginPath(); pen.moveTo(...a); pen.lineTo(...b); pen.stroke(); };
    const active = hover >= 0 ? hover : host.get("selected");
    const chosen = active >= 0 && active < spots.length ? [active, ...partners(active)] : [];

    pen.strokeStyle = ink;
    pen.globalAlpha = 0.3;
    pen.lineWidth = 0.7;
    data.lines.forEach(([a, b]) => line(spots[a], spots[b]));
    pen.globalAlpha = chosen.length ? 0.6 : 0.9;
    const radius = 4 * Math.min(1.6, Math.sqrt(zoom));
    const colours = data.looks.map(colourOf);
    data.kind.forEach((kind, n) => marker(pen, data.looks[kind].marker, ...spots[n], radius, colours[kind], paper));
    pen.globalAlpha = 1;
    pen.lineWidth = 2;
    chosen.slice(1).forEach((other) => line(spots[active], spots[other]));
    chosen.forEach((n) => marker(pen, data.looks[data.kind[n]].marker, ...spots[n], 7, colours[data.kind[n]], ink));

    const query = host.get("query");
    if (query && position > last() - 0.01) {
      const spot = toScreen([query.x, query.y]);
      pen.setLineDash([4, 3]);
      pen.lineWidth = 1.2;
      (query.near || []).filter((n) => n in spots).forEach((n) => line(spot, spots[n]));
      pen.setLineDash([]);
      marker(pen, "*", ...spot, 7, ink, paper);
      pen.font = "600 14px system-ui, sans-serif";
      const words = query.caption || "", room = pen.measureText(words).width + 14;
      pen.textAlign = spot[0] + room > width ? "right" : "left";
      const at = [spot[0] + (pen.textAlign === "left" ? 14 : -14), spot[1] + 5];
      pen.strokeStyle = paper;
      pen.lineWidth = 4;
      pen.strokeText(words, ...at);
      pen.fillStyle = ink;
      pen.fillText(words, ...at);
    }
    bar.querySelectorAll("canvas").forEach((sign, k) => {
      const legend = sign.getContext("2d");
      legend.clearRect(0, 0, 28, 28);
      marker(legend, data.looks[k].marker, 14, 14, 9, colours[k], "transparent");
    });
    showCard(active, spots);
  }

  function showCard(n, spots) {
    card.hidden = !(n >= 0 && n < spots.length);
    if (card.hidden) { card.dataset.point = ""; return; }
    if (card.dataset.point !== String(n)) {
      const pair = data.pair[n], kind = data.looks[data.kind[n]].name;
      card.dataset.point = n;
      card.replaceChildren();
      if (data.sprite) {
        const [w, h] = data.tile, scale = Math.max(1, Math.round(96 / w)), column = pair % data.columns;
        const picture = make("div", card, { class: "picture" });
        Object.assign(picture.style, {
          width: `${w * scale}px`, height: `${h * scale}px`, backgroundImage: `url(${data.sprite})`,
          backgroundSize: `${data.columns * w * scale}px auto`,
          backgroundPosition: `${-column * w * scale}px ${-((pair - column) / data.columns) * h * scale}px`,
        });
      }
      make("div", card).textContent = data.captions[pair] ?? `pair ${pair}`;
      make("small", card).textContent = `latent of the ${kind}`;
      spoken.textContent = `${kind}: ${data.captions[pair] ?? `pair ${pair}`}`;
    }
    const [x, y] = spots[n], [width, height] = size();
    card.style.left = `${x > width / 2 ? Math.max(0, x - card.offsetWidth - 14) : x + 14}px`;
    card.style.top = `${Math.max(0, Math.min(y - 20, height - card.offsetHeight))}px`;
  }

  // --- time
  function moveTo(value, tell) {
    position = Math.max(0, Math.min(last(), value));
    scrub.value = position;
    title.textContent = data.titles[Math.round(position)];
    scrub.setAttribute("aria-valuetext", title.textContent);
    if (tell) host.set("position", position);
    draw();
  }
  function stop() {
    cancelAnimationFrame(playing);
    playing = 0;
    play.textContent = "▶ play";
  }
  function start() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const from = position > last() - 0.01 ? 0 : position, began = performance.now();
    play.textContent = "❚❚ pause";
    (function tick(now) {
      const value = from + Math.max(0, now - began) / 1300, whole = Math.floor(value), t = value - whole;
      moveTo(still ? whole : whole + t * t * (3 - 2 * t), false);
      if (value < last()) { playing = requestAnimationFrame(tick); return; }
      stop();
      moveTo(last(), true);
    })(began);
  }
  play.onclick = () => { if (playing) { stop(); moveTo(position, true); } else start(); };
  scrub.oninput = () => { stop(); moveTo(+scrub.value, false); };
  scrub.onchange = () => moveTo(+scrub.value, true);

  // --- pointer and keys
  const inside = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left - 1, event.clientY - box.top - 1];
  };
  function nearest([x, y], reach) {
    let best = -1, least = reach;
    data.kind.forEach((_, n) => {
      const [a, b] = toScreen(place(n)), distance = Math.hypot(a - x, b - y);
      if (distance < least) [best, least] = [n, distance];
    });
    return best;
  }
  function zoomBy(factor, at = size().map((s) => s / 2)) {
    const fixed = toMap(at);
    zoom = Math.max(1, Math.min(40, zoom * factor));
    const moved = toMap(at);
    centre = zoom === 1 ? [0, 0] : [centre[0] + fixed[0] - moved[0], centre[1] + fixed[1] - moved[1]];
    draw();
  }
  function select(n) {
    host.set("selected", n);
    draw();
  }
  canvas.onpointerdown = (event) => { drag = { at: inside(event), centre, moved: false }; };
  canvas.onpointermove = (event) => {
    const [x, y] = inside(event);
    if (drag && event.buttons) {
      const dx = x - drag.at[0], dy = y - drag.at[1];
      drag.moved ||= Math.hypot(dx, dy) > 4;
      if (drag.moved) centre = [drag.centre[0] - dx / unit(), drag.centre[1] + dy / unit()];
    }
    hover = nearest([x, y], 14);
    draw();
  };
  canvas.onpointerup = (event) => {
    if (drag && !drag.moved) select(nearest(inside(event), 14));
    drag = null;
  };
  canvas.onpointerleave = () => { hover = -1; draw(); };
  canvas.ondblclick = (event) => zoomBy(2, inside(event));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return; // the page goes on scrolling past the map
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 300), inside(event));
  }, { passive: false });
  const directions = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.onkeydown = (event) => {
    const way = directions[event.key], now = host.get("selected");
    if (way) {
      const from = now >= 0 ? toScreen(place(now)) : size().map((s) => s / 2);
      let best = now, least = Infinity;
      data.kind.forEach((_, n) => {
        const [x, y] = toScreen(place(n)), along = (x - from[0]) * way[0] + (y - from[1]) * way[1];
        const aside = Math.abs((x - from[0]) * way[1]) + Math.abs((y - from[1]) * way[0]);
        if (n !== now && along > 0.5 && along + 2 * aside < least) [best, least] = [n, along + 2 * aside];
      });
      select(now < 0 && best < 0 ? nearest(from, Infinity) : best);
    } else if (event.key === "+" || event.key === "=") zoomBy(1.4);
    else if (event.key === "-") zoomBy(1 / 1.4);
    else if (event.key === "Home" || event.key === "0") zoomBy(0);
    else if (event.key === "Escape") select(-1);
    else if (event.key === " " && last() > 0) play.click();
    else return;
    event.preventDefault();
    event.stopPropagation(); // or Jupyter takes the key for itself
  };

  function rebuild() {
    data = host.get("data");
    const samples = Math.max(1, Math.floor(data.captions.length / 60));
    data.members = [];
    data.pair.forEach((pair, n) => (data.members[pair] ||= []).push(n));
    data.lines = data.members.filter((_, pair) => pair % samples === 0)
      .flatMap((group) => group.slice(1).map((other) => [group[0], other]));
    canvas.setAttribute("aria-label", `${data.alt} Arrow keys go from point to point, plus and minus zoom.`);
    bar.replaceChildren();
    data.looks.forEach((look) => {
      const entry = make("span", bar, { class: "legend" });
      make("canvas", entry, { width: 28, height: 28, "aria-hidden": "true" });
      entry.append(look.name);
    });
    make("span", bar, { class: "space" });
    [["+", "zoom in", 1.5], ["−", "zoom out", 1 / 1.5], ["whole map", "show the whole map", 0]].forEach(([text, label, by]) => {
      const button = make("button", bar, { type: "button", "aria-label": label, title: label });
      button.textContent = text;
      button.onclick = () => zoomBy(by);
    });
    time.hidden = last() === 0;
    time.style.display = last() === 0 ? "none" : "";
    scrub.max = last();
    card.dataset.point = "";
    stop();
    moveTo(host.get("position"), false);
  }

  const fit = () => { canvas.style.height = `${Math.max(280, Math.min(520, 0.72 * root.clientWidth))}px`; draw(); };
  const resized = new ResizeObserver(fit);
  resized.observe(root);
  const rethemed = new MutationObserver(draw);
  [document.documentElement, document.body].forEach((node) => rethemed.observe(node, { attributes: true }));
  host.on("data", rebuild);
  host.on("query", draw);
  host.on("selected", draw);
  host.on("position", () => { if (!playing && host.get("position") !== position) moveTo(host.get("position"), false); });
  rebuild();
  fit();
  return () => { stop(); resized.disconnect(); rethemed.disconnect(); root.remove(); };
}

export default {
  render({ model, el }) {
    return mount(el, {
      get: (key) => model.get(key),
      set: (key, value) => { model.set(key, value); model.save_changes(); },
      on: (key, callback) => model.on(`change:${key}`, callback),
    });
  },
};
