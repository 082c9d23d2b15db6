"""Names of the schemas and roles, for those who need no database driver."""

SERVICES = ("identity", "payments", "notifications", "gateway")
MIGRATOR = "clachan_migrate"
LOGINS = (*SERVICES, MIGRATOR)
DATABASE = "clachan"
