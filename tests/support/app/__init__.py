"""What the app's tests share: a running app, its accounts and programs, the whole product as processes."""
