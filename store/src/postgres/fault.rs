//! PostgreSQL's errors as ours.

use openline_core::StoreError;

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

/// Why a step failed, before it is known whether it is repeated.
#[derive(Debug)]
pub(crate) enum Fault {
    Database(sqlx::Error),
    Told(StoreError),
    /// No answer came in time.
    Silent,
}

impl Fault {
    /// The server chose this transaction to give way to another one; nothing of it is stored, and it may be repeated.
    pub(crate) fn gave_way(&self) -> bool {
        // serialization_failure, deadlock_detected
        matches!(self.code().as_deref(), Some("40001" | "40P01"))
    }

    /// The connection is of no use any more.
    pub(crate) fn disconnected(&self) -> bool {
        matches!(self, Self::Silent) || self.is_dead()
    }

    /// The server closed the connection, or it broke.
    pub(crate) fn is_dead(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed) => true,
            // Class 08, connection exception; admin_shutdown, crash_shutdown, idle_session_timeout.
            _ => self.code().is_some_and(|code| {
                code.starts_with("08") || matches!(code.as_str(), "57P01" | "57P02" | "57P05" | "25P03")
            }),
        }
    }

    fn code(&self) -> Option<String> {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().map(std::borrow::Cow::into_owned),
            _ => None,
        }
    }

    /// Whether what was to be stored, or what is stored, is to blame: data exceptions, violated constraints, exceeded
    /// limits, internal errors.
    fn is_corrupt(&self) -> bool {
        match self {
            Self::Database(
                sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
                | sqlx::Error::RowNotFound
                | sqlx::Error::ColumnIndexOutOfBounds { .. },
            ) => true,
            _ => self.code().is_some_and(|code| ["22", "23", "54", "XX"].iter().any(|class| code.starts_with(class))),
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let corrupt = fault.is_corrupt();
        match fault {
            Fault::Told(error) => error,
            Fault::Silent => Self::Unavailable("the server does not answer".to_owned()),
            Fault::Database(sqlx::Error::PoolClosed) => closed(),
            Fault::Database(error) if corrupt => Self::Corrupt(error.to_string()),
            Fault::Database(error) => Self::Unavailable(error.to_string()),
        }
    }
}

pub(crate) fn corrupt(what: impl Into<String>) -> Fault {
    Fault::Told(StoreError::Corrupt(what.into()))
}

pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("the database is closed".to_owned())
}
