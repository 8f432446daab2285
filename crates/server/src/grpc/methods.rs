//! How a service is made of functions that stand where what they are about is.

/// A service: its methods, each by a function that is given the service, who calls, and the request.
macro_rules! methods {
    ($service:ident for $api:ident; $($method:ident: $request:ident => $response:ident = $done:path;)+) => {
        #[tonic::async_trait]
        impl $service for $api {
            $(async fn $method(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                let caller = $crate::auth::caller(&request)?;
                $done(self, &caller, request.into_inner()).await.map(Response::new)
            })+
        }
    };
}
pub(super) use methods;
