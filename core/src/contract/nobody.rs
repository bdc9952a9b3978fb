//! A backend for those who test what stands before it.

use crate::domain::error::DeliveryError;
use crate::domain::message::{Conversation, File};
use crate::ports::backend::{Backend, Confirmation, Delivery, FileStream, Missed, Receipt, Watched};
use crate::ports::clock::Timestamp;
use async_trait::async_trait;

/// A backend that does nothing.
pub struct Nobody;

#[async_trait]
impl Backend for Nobody {
    async fn deliver(&self, _: Delivery) -> Result<Receipt, DeliveryError> {
        Err(DeliveryError::Unsupported)
    }
    async fn confirm(&self, _: &[Confirmation]) -> Vec<Result<(), DeliveryError>> {
        Vec::new()
    }
    async fn missed(&self, _: &[Watched]) -> Vec<Result<Missed, DeliveryError>> {
        Vec::new()
    }
    async fn note(&self, _: &Conversation, _: &str, _: Option<Timestamp>) -> Result<(), DeliveryError> {
        Ok(())
    }
    async fn open(&self, _: &File) -> Result<FileStream, DeliveryError> {
        Err(DeliveryError::Unsupported)
    }
}
