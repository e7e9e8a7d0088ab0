//! The API's description as a snapshot: a change of the interface shows in review.

#[test]
fn the_api_is_described_as_it_was_reviewed() {
    insta::assert_snapshot!(grantor_server::openapi());
}
