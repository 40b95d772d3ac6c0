export default { test: { globalSetup: "mcmock/global-setup" } };
