/** Once the service is back, asks anew for what could not be had while it was away. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useLive } from "../api/live";

export function Back() {
  const { connection } = useLive();
  const client = useQueryClient();
  useEffect(() => {
    if (connection === "open") void client.refetchQueries({ predicate: (one) => one.state.status === "error" });
  }, [connection, client]);
  return null;
}
