// The steps of the form that put a connection string together: how the hosts are found, login, TLS.
import * as vscode from 'vscode';
import { validateUri } from '../../project/target';
import type { Auth, Tls, UriFields } from '../connectionUri';
import type { Outcome, Place, Step, TextQuestion } from './multiStep';
import { askPick, askText } from './multiStep';

const t = vscode.l10n.t;

/** What they read and fill in; they are asked only while `byForm` is set. */
interface Form {
  byForm: boolean;
  fields: UriFields;
}

export function uriSteps(form: Form): Step[] {
  const when = (applies: Applies, ask: Step['ask']): Step => ({
    applies: () => form.byForm && applies(form.fields),
    ask,
  });
  const text = (key: TextKey, question: () => TextQuestion, applies: Applies = always): Step =>
    when(applies, (place) => fillIn(form, key, place, question()));
  const byPassword = ({ auth }: UriFields): boolean => auth === 'password';
  return [
    when(always, (place) => askForKind(form, place)),
    text('hosts', () => hostsQuestion(form.fields)),
    when(always, (place) => askForAuth(form, place)),
    text('user', () => plainQuestion(t('User'), form.fields.user, t('A login needs a user.')), byPassword),
    text('password', () => passwordQuestion(form.fields), byPassword),
    text(
      'authSource',
      () =>
        plainQuestion(
          t('Database that knows the user, mostly admin'),
          form.fields.authSource,
          t('The database that knows the user is needed, mostly admin.'),
        ),
      byPassword,
    ),
    when(always, (place) => askForTls(form, place)),
    text(
      'caFile',
      () => fileQuestion(t('Path of the authority’s certificate (PEM)'), form.fields.caFile),
      ownAuthority,
    ),
    text(
      'certificateFile',
      () => fileQuestion(t('Path of your certificate with its key (PEM)'), form.fields.certificateFile),
      ({ auth }) => auth === 'x509',
    ),
  ];
}

type Applies = (fields: UriFields) => boolean;

function always(): boolean {
  return true;
}

function ownAuthority({ tls }: UriFields): boolean {
  return tls === 'ownAuthority';
}

type TextKey = 'hosts' | 'user' | 'password' | 'authSource' | 'caFile' | 'certificateFile';

async function fillIn(form: Form, key: TextKey, place: Place, question: TextQuestion): Promise<Outcome> {
  const answer = await askText(place, question);
  if (answer === 'button') return 'next';
  if (typeof answer === 'string') return answer;
  form.fields = { ...form.fields, [key]: answer.text };
  return 'next';
}

function hostsQuestion({ srv, hosts }: UriFields): TextQuestion {
  return {
    prompt: srv
      ? t('Host name of the cluster; DNS knows its members')
      : t('Host and port; several members of a replica set with commas between them'),
    placeHolder: srv ? 'cluster0.abcde.mongodb.net' : 'localhost:27017',
    value: hosts,
    problem: (text) => validateUri(`mongodb${srv ? '+srv' : ''}://${text}/`),
  };
}

function plainQuestion(prompt: string, value: string, missing: string): TextQuestion {
  return { prompt, value, problem: (text) => (text === '' ? missing : undefined) };
}

function passwordQuestion({ password }: UriFields): TextQuestion {
  return {
    prompt: t('Password. It is kept in the secret storage of this machine, nowhere else.'),
    value: password,
    secret: true,
    exact: true,
    problem: (text) => (text === '' ? t('A login needs a password.') : undefined),
  };
}

function fileQuestion(prompt: string, value: string): TextQuestion {
  return { prompt, value, problem: (text) => (text === '' ? t('A path is needed here.') : undefined) };
}

type Choice<V> = vscode.QuickPickItem & { value: V };

/** Lets one of several be picked; what was chosen before has the focus. */
async function choose<V>(
  place: Place,
  placeHolder: string,
  items: readonly Choice<V>[],
  before: V,
): Promise<{ value: V } | 'back' | 'cancel'> {
  const chosen = items.filter(({ value }) => value === before);
  const picked = await askPick(place, { placeHolder, items, chosen, many: false });
  if (typeof picked === 'string') return picked;
  return { value: picked.items[0]?.value ?? before };
}

async function askForKind(form: Form, place: Place): Promise<Outcome> {
  const { fields } = form;
  const items: Choice<boolean>[] = [
    {
      label: t('Host and Port'),
      detail: t('One server, or the members of a replica set (mongodb://)'),
      value: false,
    },
    {
      label: t('Name in DNS'),
      detail: t('As MongoDB Atlas gives it (mongodb+srv://), with TLS'),
      value: true,
    },
  ];
  const answer = await choose(place, t('How is the server found?'), items, fields.srv);
  if (typeof answer === 'string') return answer;
  if (answer.value !== fields.srv) {
    const hosts = answer.value ? '' : 'localhost:27017';
    form.fields = { ...fields, srv: answer.value, hosts, tls: answer.value ? 'on' : 'off' };
  }
  return 'next';
}

async function askForAuth(form: Form, place: Place): Promise<Outcome> {
  const items: Choice<Auth>[] = [
    { label: t('User and Password'), value: 'password' },
    { label: t('No Login'), detail: t('The server has no access control'), value: 'none' },
    { label: t('Certificate (X.509)'), detail: t('The certificate is the login; needs TLS'), value: 'x509' },
  ];
  const answer = await choose(place, t('How do you log in?'), items, form.fields.auth);
  if (typeof answer === 'string') return answer;
  const needsTls = answer.value === 'x509' && form.fields.tls === 'off';
  form.fields = { ...form.fields, auth: answer.value, ...(needsTls ? { tls: 'on' as const } : {}) };
  return 'next';
}

async function askForTls(form: Form, place: Place): Promise<Outcome> {
  const { auth } = form.fields;
  const items: Choice<Tls>[] = [
    {
      label: t('TLS'),
      detail: t('The certificate is checked against the authorities known here'),
      value: 'on',
    },
    {
      label: t('TLS with Your Own Authority'),
      detail: t('The certificate is checked against a file of yours'),
      value: 'ownAuthority',
    },
    {
      label: t('TLS without Checking'),
      detail: t('Encrypted, but anybody could answer; for tests only'),
      value: 'unchecked',
    },
  ];
  // A certificate cannot be shown without TLS.
  if (auth !== 'x509')
    items.unshift({ label: t('No TLS'), detail: t('Everything can be read on its way'), value: 'off' });
  const answer = await choose(place, t('Is the connection encrypted?'), items, form.fields.tls);
  if (typeof answer === 'string') return answer;
  form.fields = { ...form.fields, tls: answer.value };
  return 'next';
}
