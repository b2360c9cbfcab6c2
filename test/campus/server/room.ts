/** The rooms live: what kiosks say that they are doing (docs/campus-protocol.md), and a page of it. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

const LiveBody = z.object({
  kiosk: z.string().max(256),
  name: z.string().max(256),
  room: z.string().max(128).nullable(),
  seat: z.string().max(64).nullable(),
  images: z
    .array(
      z.object({
        image: z.string().max(128),
        current: z.string().max(128).nullable(),
        next: z.string().max(128).nullable(),
        progress: z.number().min(0).max(1),
        secondsLeft: z.number().nullable(),
        error: z.string().max(64).nullable(),
      }),
    )
    .max(1000),
});

/** The last that a kiosk said, and when (milliseconds since 1970). */
export type LiveKiosk = z.infer<typeof LiveBody> & { readonly at: number };

/** `POST /api/live` for kiosks; `GET /api/room` and the page `/room` for whoever watches. */
export function installRoom(app: FastifyInstance, live: Map<string, LiveKiosk>): void {
  app.post('/api/live', async (request, reply) => {
    const body = LiveBody.safeParse(request.body);
    if (!body.success) return reply.code(400).send({ error: 'not a live state' });
    live.set(body.data.kiosk, { ...body.data, at: Date.now() });
    return reply.code(204).send();
  });
  app.get('/api/room', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ now: Date.now(), kiosks: [...live.values()] }),
  );
  app.get('/room', (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE));
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Rooms</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: start; padding: .5rem .75rem; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent) }
  progress { width: 10rem; vertical-align: middle }
  .silent { opacity: .55 }
</style>
<h1>Rooms</h1>
<p id="sum" role="status">Waiting for the first kiosk.</p>
<table hidden>
  <thead><tr><th>Room<th>Seat<th>Kiosk<th>Image<th>Version<th>State</tr></thead>
  <tbody></tbody>
</table>
<script>
  const table = document.querySelector('table'), rows = document.querySelector('tbody');
  const cell = (row, content) => row.insertCell().append(content);
  function state(image, silent) {
    if (silent) return 'silent for ' + Math.round(silent / 1000) + ' s';
    if (!image.next) return 'up to date';
    if (image.error) return 'waits: ' + image.error;
    const bar = document.createElement('progress'), part = document.createElement('span');
    bar.value = image.progress;
    bar.setAttribute('aria-label', 'received');
    const left = image.secondsLeft === null ? '' : ', ' + Math.ceil(image.secondsLeft / 60) + ' min left';
    part.append(bar, ' ' + Math.round(image.progress * 100) + ' %' + left);
    return part;
  }
  async function look() {
    const { now, kiosks } = await (await fetch('/api/room')).json();
    kiosks.sort((a, b) => (a.room + a.seat + a.name).localeCompare(b.room + b.seat + b.name));
    let ready = 0, all = 0;
    rows.replaceChildren();
    for (const kiosk of kiosks) {
      // A kiosk with nothing new says nothing: only one that was receiving can fall silent.
      const waiting = kiosk.images.some((image) => image.next && !image.error);
      const silent = waiting && now - kiosk.at > 60000 ? now - kiosk.at : 0;
      for (const image of kiosk.images) {
        all++;
        if (!image.next) ready++;
        const row = rows.insertRow();
        if (silent) row.className = 'silent';
        for (const text of [kiosk.room ?? '–', kiosk.seat ?? '–', kiosk.name, image.image]) cell(row, text);
        cell(row, (image.current ?? 'none') + (image.next ? ' → ' + image.next : ''));
        cell(row, state(image, silent));
      }
    }
    table.hidden = all === 0;
    const text = ready + ' of ' + all + ' images are up to date, on ' + kiosks.length + ' kiosks.';
    const sum = document.getElementById('sum');
    if (all > 0 && sum.textContent !== text) sum.textContent = text;
  }
  setInterval(() => look().catch(() => {}), 1000);
  look();
</script>
`;
