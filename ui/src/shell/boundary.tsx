/** Keeps a view that fails from taking the page with it. */

import { Component } from "react";

export class Boundary extends Component<{ children: React.ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    // After a change of the dashboard the parts of the page before are gone.
    const isGone = /dynamically imported module|preload/i.test(error.message);
    return (
      <div className="view">
        <h1>{isGone ? "This page is out of date" : "This view cannot be shown"}</h1>
        <div className="failure" role="alert">
          <p>
            {isGone
              ? "The dashboard was changed since this page was loaded, or the service is away. Load the page anew."
              : "This view made a mistake. Load the page anew; if it stays so, report what you did."}
          </p>
          <p className="failure-codes">
            <code>{isGone ? "page_outdated" : "page_error"}</code> {!isGone && error.message.slice(0, 200)}
          </p>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            Load anew
          </button>
        </div>
      </div>
    );
  }
}
