// Draws media/icon.png, the extension's picture in the Marketplace (which takes no SVG), with the browser of the
// tests. Run it by hand after a change: node --import tsx tools/icon.ts
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './build';
import { launchBrowser } from './vscode/launch';

const size = 256;

/** A database whose arrow leads on and one that leads back: migrations and the way home. */
const picture = `
<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 256 256">
  <defs>
    <linearGradient id="ground" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="#12443a"/>
      <stop offset="1" stop-color="#0b2b26"/>
    </linearGradient>
  </defs>
  <rect width="256" height="256" rx="56" fill="url(#ground)"/>
  <g fill="none" stroke-linecap="round" stroke-linejoin="round" stroke-width="15">
    <g stroke="#e8f5ef">
      <ellipse cx="104" cy="74" rx="56" ry="22"/>
      <path d="M48 74v104c0 12 25 22 56 22M160 74v34"/>
      <path d="M48 126c0 12 25 22 56 22"/>
    </g>
    <path d="M128 152h84M188 128l24 24-24 24" stroke="#3ddc97"/>
    <path d="M212 204h-60" stroke="#8fb8aa"/>
  </g>
</svg>`;

const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body { margin: 0 } svg { display: block }</style>${picture}`);
  await mkdir(join(root, 'media'), { recursive: true });
  await page.screenshot({ path: join(root, 'media', 'icon.png'), omitBackground: true });
} finally {
  await browser.close();
}
