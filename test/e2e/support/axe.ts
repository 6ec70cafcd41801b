// What axe finds on a page or in a frame of one: one line for each rule that is broken, with the elements.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Frame, Page } from 'playwright-core';

const source = join(import.meta.dirname, '..', '..', '..', 'node_modules', 'axe-core', 'axe.min.js');

export async function violations(page: Page | Frame): Promise<string[]> {
  await page.evaluate(await readFile(source, 'utf8'));
  const results = await page.evaluate(() => {
    const { axe } = globalThis as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } };
    return axe.run({ resultTypes: ['violations'] });
  });
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
}
