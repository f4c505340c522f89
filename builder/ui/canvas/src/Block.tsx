/** One block of the network: type and badge, name and settings, output shape, and what is wrong with it. */
import { memo, useContext, createContext, useEffect, useRef } from "react";
import { named, useSay } from "./text";
import type { Node } from "./types";

export type BlockData = { node: Node; selected: boolean; target: boolean; renaming: boolean };
export const RenameContext = createContext<(id: string, name: string | null) => void>(() => {});

export const Block = memo(({ data }: { data: BlockData }) => {
  const { node: n, selected, target, renaming } = data,
    say = useSay();
  const marks = [
    `cat-${n.category}`,
    selected && "selected",
    target && "target",
    n.problem && `has-${n.problem}`,
    n.fold && "pile",
  ];
  const all = [named(n) && n.name, n.settings].filter(Boolean).join(" · ");
  return (
    <div
      className={`block ${marks.filter(Boolean).join(" ")}`}
      title={n.message || (all.length > 16 ? all : undefined)}
    >
      <div className="row">
        <span className="who">
          <b className="type">{n.type}</b>
          {named(n) && !renaming && <span className="name">{n.name}</span>}
        </span>
        {n.health ? (
          <span className={`badge health ${n.health}`}>{n.note || n.badge}</span>
        ) : (
          <span className="badge">{n.badge}</span>
        )}
      </div>
      <div className="row detail">
        {renaming ? <Rename node={n} /> : <span className="settings">{n.settings}</span>}
        <span className="shape">{n.shape}</span>
      </div>
      {n.problem && (
        <span className="sign" aria-hidden="true">
          {n.problem === "error" ? "✕" : "!"}
        </span>
      )}
      <span className="port" data-port={n.id} title={say("block.port", { name: n.name })} aria-hidden="true" />
    </div>
  );
});

function Rename({ node }: { node: Node }) {
  const say = useSay(),
    done = useContext(RenameContext),
    field = useRef<HTMLInputElement>(null),
    ended = useRef(false);
  useEffect(() => {
    field.current!.focus();
    field.current!.select();
  }, []);
  const end = (name: string | null) => {
    if (!ended.current) {
      ended.current = true;
      done(node.id, name);
    }
  };
  return (
    <input
      ref={field}
      className="rename nodrag"
      defaultValue={node.name}
      maxLength={100}
      aria-label={say("block.rename", { name: node.name })}
      onPointerDown={e => e.stopPropagation()}
      onBlur={e => end(e.currentTarget.value)}
      onKeyDown={e => {
        if (e.key === "Enter") end(e.currentTarget.value);
        else if (e.key === "Escape") end(null);
        else return;
        e.preventDefault();
      }}
    />
  );
}
