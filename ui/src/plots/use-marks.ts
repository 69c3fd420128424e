/** What the marks of a plot are made of, asked once for all gates. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { call } from "../api/http";
import type { ChangeList, IncidentLine } from "../api/wire";
import { type Mark, marks, type OverrideLine } from "./marks";

const EACH_MS = 60_000;

export interface Marked {
  marks: Mark[];
  /** What could not be had, in words; "" where all is there. */
  missing: string;
}

export function useMarks(fromUs: number, toUs: number): Marked {
  const changes = useQuery({
    queryKey: ["changes", "marks"],
    queryFn: ({ signal }) => call<ChangeList>("/api/changes?limit=100", { signal }),
    refetchInterval: EACH_MS,
  });
  const incidents = useQuery({
    queryKey: ["incidents", "marks"],
    queryFn: ({ signal }) => call<{ incidents: IncidentLine[] }>("/api/incidents?limit=100", { signal }),
    refetchInterval: EACH_MS,
  });
  const overrides = useQuery({
    queryKey: ["overrides", "marks"],
    queryFn: ({ signal }) => call<{ overrides: OverrideLine[] }>("/api/overrides?limit=200", { signal }),
    refetchInterval: EACH_MS,
  });
  const all = useMemo(
    () =>
      marks(
        changes.data?.changes ?? [],
        incidents.data?.incidents ?? [],
        overrides.data?.overrides ?? [],
        fromUs,
        toUs,
      ),
    [changes.data, incidents.data, overrides.data, fromUs, toUs],
  );
  const absent = [
    changes.isError && !changes.data ? "patches" : "",
    incidents.isError && !incidents.data ? "incidents" : "",
    overrides.isError && !overrides.data ? "overrides" : "",
  ].filter(Boolean);
  return { marks: all, missing: absent.join(" and ") };
}
