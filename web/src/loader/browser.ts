import type { Attributes } from "../core/attributes.ts";

interface UserAgentData {
  brands: { brand: string; version: string }[];
  mobile: boolean;
  platform: string;
}

/** What the semantic conventions call the browser resource. */
export function browserAttributes(): Attributes {
  const hints = (navigator as { userAgentData?: UserAgentData }).userAgentData;
  return {
    "user_agent.original": navigator.userAgent,
    "browser.language": navigator.language,
    "browser.mobile": hints?.mobile,
    "browser.platform": hints?.platform,
    "browser.brands": hints?.brands.map(({ brand, version }) => `${brand} ${version}`),
  };
}
