// JSON as a tree that opens and closes. What was sent is shown as it was written: 98.50 stays
// 98.50. It does not freeze on 256 KiB or 128 levels: what is closed is not drawn, and a long list
// is drawn in parts.

import { useState } from 'preact/hooks';

import { type JsonNode, type Member } from '../lib/json';
import { safeLine } from '../lib/safe-text';
import { locale, texts } from '../texts';

/** A tree with more nodes begins closed. */
const MAX_OPEN_NODES = 200;
/** "Open all" is offered up to here. */
const MAX_OPEN_ALL = 2000;
/** So many members are drawn at a time. */
const MEMBERS_AT_A_TIME = 100;
/** So much of a string. */
const MAX_STRING = 1000;

interface Branch {
  node: JsonNode;
  name?: string | number;
  /** Whether it begins open. */
  open: boolean;
}

function Name({ name }: { name?: string | number }) {
  if (name === undefined) return null;
  return typeof name === 'number' ? <span class="json-index">{name}: </span> : <span class="json-key">"{safeLine(name)}": </span>;
}

function Text({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  if (whole || text.length <= MAX_STRING) return <span class="json-string">"{safeLine(text)}"</span>;
  const t = texts('delivery');
  return (
    <>
      <span class="json-string">"{safeLine(text.slice(0, MAX_STRING))}…</span>{' '}
      <button type="button" class="button plain small" onClick={() => setWhole(true)}>
        {t.showAll(t.characters(text.length.toLocaleString(locale())))}
      </button>
    </>
  );
}

function Leaf({ node, name }: Omit<Branch, 'open'>) {
  return (
    <span class="json-leaf">
      <Name name={name} />
      {node.kind === 'string' ? <Text text={node.text} /> : <span class={`json-${node.kind}`}>{node.text}</span>}
    </span>
  );
}

function Members({ members, open }: { members: Member[]; open: boolean }) {
  const [drawn, setDrawn] = useState(MEMBERS_AT_A_TIME);
  const left = members.length - drawn;
  return (
    <ul class="json-members">
      {members.slice(0, drawn).map(({ key, value }, at) => (
        <li key={at}>
          <Node node={value} name={key} open={open} />
        </li>
      ))}
      {left > 0 && (
        <li>
          <button type="button" class="button plain small" onClick={() => setDrawn(drawn + MEMBERS_AT_A_TIME)}>
            {texts('delivery').showMoreMembers(Math.min(left, MEMBERS_AT_A_TIME))}
          </button>
        </li>
      )}
    </ul>
  );
}

function Node({ node, name, open: begins }: Branch) {
  const [open, setOpen] = useState(begins);
  const { kind, members } = node;
  if (kind !== 'object' && kind !== 'array') return <Leaf node={node} name={name} />;
  const [first, last] = kind === 'object' ? ['{', '}'] : ['[', ']'];
  if (members.length === 0) {
    return (
      <span class="json-leaf">
        <Name name={name} />
        {first}
        {last}
      </span>
    );
  }
  const t = texts('delivery');
  return (
    <>
      <button type="button" class="json-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="json-caret" aria-hidden="true" />
        <Name name={name} />
        {first}
        {!open && <span class="json-count">{` ${kind === 'object' ? t.members(members.length) : t.elements(members.length)} ${last}`}</span>}
      </button>
      {open && (
        <>
          <Members members={members} open={begins} />
          <span class="json-end">{last}</span>
        </>
      )}
    </>
  );
}

/** The tree of a text that is JSON; `label` names it for people who don't see it. */
export function JsonTree({ root, label }: { root: JsonNode; label: string }) {
  const small = root.size <= MAX_OPEN_NODES;
  // A new key draws the tree anew, with all of it open or closed.
  const [all, setAll] = useState<{ key: number; open: boolean }>({ key: 0, open: small });
  const change = (open: boolean) => () => setAll({ key: all.key + 1, open });
  const t = texts('delivery');
  const hasBranches = root.members.some(({ value }) => value.members.length > 0);
  return (
    <div class="json">
      {hasBranches && (
        <div class="json-bar">
          {root.size <= MAX_OPEN_ALL && (
            <button type="button" class="button plain small" onClick={change(true)}>
              {t.expandAll}
            </button>
          )}
          <button type="button" class="button plain small" onClick={change(false)}>
            {t.collapseAll}
          </button>
        </div>
      )}
      <div class="json-tree" role="group" aria-label={label} tabIndex={0} key={all.key}>
        <Root root={root} open={all.open} />
      </div>
    </div>
  );
}

/** The outermost level is always open, so that something is seen. */
function Root({ root, open }: { root: JsonNode; open: boolean }) {
  if (root.members.length === 0) return <Node node={root} open={open} />;
  const [first, last] = root.kind === 'object' ? ['{', '}'] : ['[', ']'];
  return (
    <>
      <span class="json-end">{first}</span>
      <Members members={root.members} open={open} />
      <span class="json-end">{last}</span>
    </>
  );
}
