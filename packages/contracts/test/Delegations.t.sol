// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Delegations} from "../sol/Delegations.sol";
import {Delegation, IDelegations, Scopes} from "../sol/IDelegations.sol";
import {vm} from "./Vm.sol";

/// A wallet that is a contract: it agrees to what its owner signs.
contract ContractAccount {
    bytes32 public agreed;

    function agree(bytes32 digest) external {
        agreed = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == agreed ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

contract DelegationsTest {
    uint256 private constant ACCOUNT = 0xa11ce;
    uint256 private constant KEY = 0x4e4;
    uint256 private constant OTHER = 0xb0b;
    Delegations private delegations = new Delegations();

    function setUp() external {
        vm.warp(1_000_000);
    }

    function signed(uint256 by, Delegation memory delegation) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(by, delegations.hashOf(delegation));
        return abi.encodePacked(r, s, v);
    }

    function make(uint256 account, uint8 scopes, uint256 salt) private view returns (Delegation memory) {
        return Delegation(vm.addr(account), vm.addr(KEY), scopes, uint64(block.timestamp + 100), salt);
    }

    function register(uint256 account, Delegation memory delegation) private {
        delegations.register(delegation, signed(account, delegation), signed(KEY, delegation));
    }

    function actsFor(uint256 scope) private view returns (address) {
        return delegations.accountOf(vm.addr(KEY), scope);
    }

    function test_a_key_that_was_never_delegated_is_its_own_account() external view {
        assert(actsFor(Scopes.PROVIDE) == vm.addr(KEY));
    }

    function test_a_key_acts_in_its_scopes_until_it_expires() external {
        register(ACCOUNT, make(ACCOUNT, Scopes.PROVIDE | Scopes.VERIFY, 1));
        address account = vm.addr(ACCOUNT);
        assert(actsFor(Scopes.PROVIDE) == account && actsFor(Scopes.VERIFY) == account);
        assert(actsFor(Scopes.POST) == address(0) && actsFor(0) == address(0));
        assert(actsFor(Scopes.PROVIDE | Scopes.POST) == address(0));
        vm.warp(block.timestamp + 99);
        assert(actsFor(Scopes.PROVIDE) == account);
        vm.warp(block.timestamp + 1);
        assert(actsFor(Scopes.PROVIDE) == address(0));
        // The same account renews it; what was registered once is not again.
        Delegation memory next = make(ACCOUNT, Scopes.POST, 1);
        register(ACCOUNT, next);
        assert(actsFor(Scopes.POST) == account && actsFor(Scopes.PROVIDE) == address(0));
        bytes memory ofAccount = signed(ACCOUNT, next);
        bytes memory ofKey = signed(KEY, next);
        bytes32 digest = delegations.hashOf(next);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.AlreadyRegistered.selector, digest));
        delegations.register(next, ofAccount, ofKey);
    }

    function test_neither_side_is_bound_without_its_word() external {
        Delegation memory delegation = make(ACCOUNT, Scopes.ALL, 1);
        bytes memory ofAccount = signed(ACCOUNT, delegation);
        bytes memory ofKey = signed(KEY, delegation);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.WrongSignature.selector, vm.addr(KEY)));
        delegations.register(delegation, ofAccount, ofAccount);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.WrongSignature.selector, vm.addr(ACCOUNT)));
        delegations.register(delegation, "", ofKey);
        // Whoever sends it has agreed.
        vm.prank(vm.addr(KEY));
        delegations.register(delegation, ofAccount, "");
        assert(actsFor(Scopes.POST) == vm.addr(ACCOUNT));
    }

    function test_a_key_belongs_to_its_first_account_for_ever() external {
        register(ACCOUNT, make(ACCOUNT, Scopes.ALL, 1));
        Delegation memory delegation = make(OTHER, Scopes.ALL, 1);
        bytes memory ofOther = signed(OTHER, delegation);
        bytes memory ofKey = signed(KEY, delegation);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.KeyTaken.selector, vm.addr(KEY), vm.addr(ACCOUNT)));
        delegations.register(delegation, ofOther, ofKey);
    }

    function test_a_revoked_key_is_dead() external {
        register(ACCOUNT, make(ACCOUNT, Scopes.ALL, 1));
        vm.expectRevert(
            abi.encodeWithSelector(IDelegations.NotYours.selector, address(this), vm.addr(ACCOUNT), vm.addr(KEY))
        );
        delegations.revoke(vm.addr(KEY));
        vm.prank(vm.addr(ACCOUNT));
        delegations.revoke(vm.addr(KEY));
        assert(actsFor(Scopes.PROVIDE) == address(0));
        Delegation memory delegation = make(ACCOUNT, Scopes.ALL, 2);
        bytes memory ofAccount = signed(ACCOUNT, delegation);
        bytes memory ofKey = signed(KEY, delegation);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.KeyRevoked.selector, vm.addr(KEY)));
        delegations.register(delegation, ofAccount, ofKey);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.UnknownKey.selector, vm.addr(OTHER)));
        delegations.revoke(vm.addr(OTHER));
    }

    function test_a_contract_can_be_the_account() external {
        ContractAccount account = new ContractAccount();
        Delegation memory delegation =
            Delegation(address(account), vm.addr(KEY), Scopes.VERIFY, uint64(block.timestamp + 100), 1);
        bytes memory ofKey = signed(KEY, delegation);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.WrongSignature.selector, address(account)));
        delegations.register(delegation, "", ofKey);
        account.agree(delegations.hashOf(delegation));
        delegations.register(delegation, "", ofKey);
        assert(actsFor(Scopes.VERIFY) == address(account));
    }

    function test_its_bounds() external {
        Delegation memory delegation = make(ACCOUNT, 8, 1);
        vm.expectRevert();
        delegations.register(delegation, "", "");
        delegation = make(ACCOUNT, 1, 1);
        delegation.expiry = uint64(block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.Expired.selector, block.timestamp, block.timestamp));
        delegations.register(delegation, "", "");
        delegation.expiry = uint64(block.timestamp + delegations.MAX_LIFETIME() + 1);
        vm.expectRevert();
        delegations.register(delegation, "", "");
        delegation = make(KEY, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IDelegations.KeyTaken.selector, vm.addr(KEY), vm.addr(KEY)));
        delegations.register(delegation, "", "");
    }
}
