"""The database: embedded server, pool, transaction, migrations. Knows no inventory."""

from holdfast.db.commit import CommitGate
from holdfast.db.database import Database, Listener, Tx, identity, in_one_transaction
from holdfast.db.sql import Statement, statements

__all__ = ["CommitGate", "Database", "Listener", "Statement", "Tx", "identity", "in_one_transaction", "statements"]
