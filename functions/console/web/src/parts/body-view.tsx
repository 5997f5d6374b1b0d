// A body as it was sent or answered: as a tree, or as it is; to copy and to save. It is a
// stranger's text: only text nodes, and a large one is drawn in parts.

import { useMemo, useRef, useState } from 'preact/hooks';

import './body-view.css';
import { curl, type SentRequest } from '../lib/curl';
import { download } from '../lib/download';
import { parseJson } from '../lib/json';
import { safeBlock } from '../lib/safe-text';
import { locale, texts } from '../texts';
import { Copy } from './copy';
import { Icon } from './icon';
import { JsonTree } from './json-tree';

/** So much of a text is drawn before somebody asks for all of it. */
const MAX_DRAWN = 32 * 1024;

export interface BodyViewProps {
  text: string;
  /** What it is, for people who don't see where it stands. */
  label: string;
  /** The file's name, with `.txt`. */
  file: string;
  /** The request, to be copied as a command. */
  request?: SentRequest;
}

function Raw({ text, label, target }: { text: string; label: string; target: { current: HTMLPreElement | null } }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > MAX_DRAWN;
  const t = texts('delivery');
  return (
    <>
      <pre ref={target} class="body-raw" role="region" aria-label={label} tabIndex={0}>
        {safeBlock(cut ? text.slice(0, MAX_DRAWN) : text)}
        {cut && '…'}
      </pre>
      {cut && (
        <button type="button" class="button" onClick={() => setWhole(true)}>
          {t.showAll(t.characters(text.length.toLocaleString(locale())))}
        </button>
      )}
    </>
  );
}

export function BodyView({ text, label, file, request }: BodyViewProps) {
  const root = useMemo(() => parseJson(text), [text]);
  const isTree = root !== undefined && (root.kind === 'object' || root.kind === 'array');
  const [raw, setRaw] = useState(false);
  const target = useRef<HTMLPreElement>(null);
  const t = texts('delivery');
  const showRaw = raw || !isTree;
  return (
    <div class="body-view">
      <div class="row spread">
        {isTree ? (
          <div class="segments" role="group" aria-label={t.asTreeOrRaw}>
            <button type="button" aria-pressed={!showRaw} onClick={() => setRaw(false)}>
              {t.tree}
            </button>
            <button type="button" aria-pressed={showRaw} onClick={() => setRaw(true)}>
              {t.raw}
            </button>
          </div>
        ) : (
          <span />
        )}
        <div class="row">
          <Copy text={text} what={t.theBody} word />
          {request !== undefined && <Copy text={curl(request)} what={t.asCurl} word />}
          <button type="button" class="button" onClick={() => download(file, text)}>
            <Icon name="down" />
            {t.download}
          </button>
        </div>
      </div>
      {showRaw ? <Raw text={text} label={label} target={target} /> : <JsonTree root={root} label={label} />}
    </div>
  );
}
