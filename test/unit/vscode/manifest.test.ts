import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Color,
  Command,
  extensionId,
  lensNames,
  panelType,
  settingNames,
  taskType,
  Tool,
  View,
  walkthrough,
} from '../../../src/vscode/manifest';

const root = join(__dirname, '..', '..', '..');
const read = (name: string): string => readFileSync(join(root, name), 'utf8');

interface Menu {
  command: string;
  when?: string;
  group?: string;
}
interface Manifest {
  name: string;
  publisher: string;
  icon: string;
  activationEvents: string[];
  capabilities: { untrustedWorkspaces: { supported: unknown; restrictedConfigurations: string[] } };
  contributes: {
    viewsContainers: { activitybar: { id: string; icon: string }[] };
    views: Record<string, { id: string; name: string; icon: string }[]>;
    viewsWelcome: { view: string; when?: string; contents: string }[];
    commands: { command: string; title: string; category: string; icon?: string; enablement?: string }[];
    menus: Record<string, Menu[]>;
    configuration: {
      title: string;
      properties: Record<
        string,
        { default: unknown; scope: string; order: number; items?: { enum: string[] } }
      >;
    }[];
    languageModelTools: { name: string; when: string; inputSchema: { required: string[] } }[];
    colors: { id: string }[];
    taskDefinitions: { type: string }[];
    problemPatterns: { name: string; regexp: string }[];
    problemMatchers: { name: string; pattern: string }[];
    walkthroughs: {
      id: string;
      steps: { description: string; media: { svg: string }; completionEvents: string[] }[];
    }[];
  };
}

const manifest = JSON.parse(read('package.json')) as Manifest;
const strings = JSON.parse(read('package.nls.json')) as Record<string, string>;
const { contributes } = manifest;
const sorted = (values: Iterable<string>): string[] => [...values].sort();

describe('the manifest and the code', () => {
  it('name the same commands', () => {
    assert.deepEqual(
      sorted(contributes.commands.map(({ command }) => command)),
      sorted(Object.values(Command)),
    );
  });

  it('name the same views, in the same container', () => {
    const [container] = contributes.viewsContainers.activitybar;
    assert.equal(container?.id, View.container);
    const { container: _container, ...views } = View;
    assert.deepEqual(
      sorted((contributes.views[View.container] ?? []).map(({ id }) => id)),
      sorted(Object.values(views)),
    );
  });

  it('name the same settings, each with a default and a scope', () => {
    const properties = Object.assign(
      {},
      ...contributes.configuration.map((group) => group.properties),
    ) as (typeof contributes.configuration)[number]['properties'];
    assert.deepEqual(
      sorted(Object.keys(properties)),
      sorted(settingNames.map((name) => `migratory.${name}`)),
    );
    for (const [name, { default: value, scope, order }] of Object.entries(properties)) {
      assert.notEqual(value, undefined, name);
      assert.notEqual(scope, undefined, name);
      assert.notEqual(order, undefined, name);
    }
    assert.deepEqual(properties['migratory.codeLens.show']?.items?.enum, [...lensNames]);
  });

  it('agree on tasks, their problem matcher and the walkthrough', () => {
    assert.deepEqual(
      contributes.taskDefinitions.map(({ type }) => type),
      [taskType],
    );
    const [matcher] = contributes.problemMatchers;
    assert.equal(matcher?.name, taskType);
    assert.equal(matcher?.pattern, `$${contributes.problemPatterns[0]?.name}`);
    const [guide] = contributes.walkthroughs;
    assert.equal(guide?.id, walkthrough);
    for (const { media, completionEvents } of guide?.steps ?? []) {
      const picture = read(media.svg);
      assert.match(picture, /var\(--vscode-/, media.svg);
      // A colour of our own would be lost on some theme.
      assert.doesNotMatch(picture, /(?:fill|stroke)="(?!none|var\()/, media.svg);
      for (const event of completionEvents) {
        const [kind, name = ''] = event.split(':');
        if (kind === 'onCommand') assert.ok((Object.values(Command) as string[]).includes(name), event);
        else assert.match(event, /^onContext:migratory\.(hasConnection|project == ready)$/);
      }
    }
  });

  it('name the same tools for language models, none of them in Restricted Mode', () => {
    const { languageModelTools } = contributes;
    assert.deepEqual(sorted(languageModelTools.map(({ name }) => name)), sorted(Object.values(Tool)));
    for (const { name, when } of languageModelTools) assert.match(when, /isWorkspaceTrusted/, name);
  });

  it('name the same colours', () => {
    assert.deepEqual(sorted(contributes.colors.map(({ id }) => id)), sorted(Object.values(Color)));
  });

  it('agree on the extension and its panel', () => {
    assert.equal(`${manifest.publisher}.${manifest.name}`, extensionId);
    assert.ok(manifest.activationEvents.includes(`onWebviewPanel:${panelType}`));
  });
});

describe('the manifest', () => {
  it('offers in menus only commands that there are', () => {
    const known = new Set<string>(Object.values(Command));
    const named = Object.values(contributes.menus).flatMap((menu) => menu.map(({ command }) => command));
    const welcomed = Object.values(strings).flatMap((text) =>
      [...text.matchAll(/\(command:(migratory\.\w+)\)/g)].map(([, command]) => command ?? ''),
    );
    for (const command of [...named, ...welcomed]) assert.ok(known.has(command), command);
  });

  it('offers the speed limit for runs at work that write documents', () => {
    const item = contributes.menus['view/item/context']?.find(
      ({ command }) => command === Command.throttleRun,
    );
    const flags = new RegExp(/viewItem =~ \/(.*)\//.exec(item?.when ?? '')?.[1] ?? 'x^');
    for (const value of [';cancel;pause;shown;', ';cancel;resume;shown;', ';cancel;mended;pause;shown;'])
      assert.match(value, flags);
    for (const value of [';cancel;shown;', ';resume;shown;', ';shown;']) assert.doesNotMatch(value, flags);
  });

  it('wakes on our own files and views only', () => {
    for (const event of manifest.activationEvents) {
      assert.match(
        event,
        /^(workspaceContains:(migratory\.config|migrate-mongo-config)|onWebviewPanel:migratory\.)/,
      );
    }
  });

  it('offers nothing that executes migrations in Restricted Mode', () => {
    const executing = [
      Command.run,
      Command.dryRun,
      Command.rollBack,
      Command.validate,
      Command.runAll,
      Command.compare,
      Command.testConnection,
      Command.pauseRun,
      Command.resumeRun,
      Command.cancelRun,
      Command.throttleRun,
      Command.retryQuarantine,
      Command.discardQuarantine,
      Command.markApplied,
      Command.markPending,
      Command.keepConflicts,
      Command.restoreConflicts,
      Command.acceptChanged,
      Command.unlock,
      Command.repair,
      Command.startSandbox,
    ];
    for (const { command, enablement } of contributes.commands) {
      const needsTrust = (executing as string[]).includes(command);
      if (needsTrust) assert.equal(enablement, 'isWorkspaceTrusted', command);
    }
    assert.equal(manifest.capabilities.untrustedWorkspaces.supported, 'limited');
    assert.deepEqual(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations, [
      'migratory.node',
      'migratory.python',
    ]);
  });

  it('has every string, and no string too many', () => {
    const used = new Set([...read('package.json').matchAll(/"%([^%"]+)%"/g)].map(([, key]) => key ?? ''));
    assert.deepEqual(sorted(used), sorted(Object.keys(strings)));
    for (const [key, text] of Object.entries(strings)) assert.ok(text.trim() !== '', key);
  });

  it('titles commands as people know them, with an ellipsis where they ask', () => {
    const titles = new Map(
      contributes.commands.map(({ command, title }) => [command, strings[title.slice(1, -1)]]),
    );
    assert.deepEqual(
      [Command.newMigration, Command.run, Command.dryRun, Command.rollBack, Command.validate].map((id) =>
        titles.get(id),
      ),
      ['New Migration…', 'Run Migration', 'Dry Run Migration', 'Roll Back Migration', 'Validate Migration'],
    );
    assert.equal(titles.get(Command.addConnection), 'Add Connection…');
    assert.equal(titles.get(Command.compare), 'Compare with Applied Version');
    for (const { command, category } of contributes.commands) {
      assert.equal(strings[category.slice(1, -1)], 'Migratory', command);
    }
  });

  it('gives every command a category and an icon, and every group of settings an order of its own', () => {
    for (const { command, category, icon } of contributes.commands) {
      assert.equal(category, '%category%', command);
      assert.match(icon ?? '', /^\$\([a-z-]+\)$/, command);
    }
    for (const { title, properties } of contributes.configuration) {
      const orders = Object.values(properties).map(({ order }) => order);
      assert.deepEqual(orders, [...new Set(orders)], title);
    }
  });

  it('holds three icons at most above a view, beside the one that takes a filter away', () => {
    for (const view of Object.values(View)) {
      const shown = (contributes.menus['view/title'] ?? []).filter(
        ({ when, group, command }) =>
          when?.split(' && ')[0] === `view == ${view}` &&
          group?.startsWith('navigation') &&
          command !== Command.clearFilter,
      );
      assert.ok(shown.length <= 3, view);
    }
  });

  it('has every picture that it names', () => {
    const icons = [
      manifest.icon,
      ...contributes.viewsContainers.activitybar.map(({ icon }) => icon),
      ...Object.values(contributes.views).flatMap((views) => views.map(({ icon }) => icon)),
    ];
    for (const icon of icons) assert.ok(existsSync(join(root, icon)), icon);
  });
});
