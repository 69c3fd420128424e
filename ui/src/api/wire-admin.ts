/** What the gateway says of the sandbox, providers, budgets, tokens, policy and documents, as `wire.ts` has the rest. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type SandboxState = Schemas["SandboxState"];
export type SandboxRecord = Schemas["TrailLine"];
export type TrailPage = Schemas["Trail"];
export type AuditPage = Schemas["AuditRows"];
export type Provider = Schemas["ProviderRow"];
export type Deployment = Schemas["DeploymentRow"];
export type Model = Schemas["ModelRow"];
export type Providers = Schemas["Providers"];
export type BudgetLine = Schemas["BudgetLine"];
export type Budgets = Schemas["Budgets"];
export type Token = Schemas["TokenRow"];
export type User = Schemas["UserRow"];
export type Tokens = Schemas["Tokens"];
export type NewToken = Schemas["NewToken"];
export type Signer = Schemas["SignerRow"];
export type Policy = Schemas["Policy"];
export type Draft = Schemas["Draft"];
export type Doc = Schemas["DocumentForm"];
export type Documents = Schemas["Documents"];
/** What this page sends: one value of a settings file; null takes the key away. */
export type Edit = Schemas["EditForm"];
